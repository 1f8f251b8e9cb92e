/* SPDX-License-Identifier: MIT */
/*
 * The measurements of a sender: time, bandwidth, dirty rate.
 */
#ifndef LIB_MIGRATE_STATS_H
#define LIB_MIGRATE_STATS_H

#include <stdbool.h>

#include <smudge/memory.h>
#include <smudge/migrate.h>

struct smi_meter {
	struct smudge_migrate_stats stats;
	struct smudge_memory_stats first; /* the memory's, at the start */
	uint64_t start_ns;
	uint64_t last_progress_ns;
	uint64_t round_start_ns;
	uint64_t round_start_bytes;
	uint64_t send_ns;	/* spent in sends of this round */
	uint64_t answer_ns;	/* shortest wait for a ROUND_ACK; 0 before */
	uint64_t round_trip_ns; /* of a short record and its answer */
	uint64_t harvest_ns;	/* length of the last harvest */
};

/* Begin to measure. */
void smi_meter_start(struct smi_meter *meter, struct smudge_memory *memory,
		     uint64_t total_bytes);

/* A round begins; @sent_bytes of the stream were sent before it. */
void smi_meter_round_begin(struct smi_meter *meter, uint64_t sent_bytes);

/* A round that was answered. */
struct smi_round {
	uint64_t sent_bytes; /* of the stream, up to the end of the round */
	uint64_t answer_ns;  /* from ROUND_END sent to ROUND_ACK received */
	uint64_t pages;	     /* with content */
	uint64_t zero_pages;
	uint64_t untouched_pages; /* of them, that were not read */
	bool is_limited; /* a bandwidth limit held for all of it or a part */
	uint64_t probe_start_ns;    /* of the burst at its end; 0: none */
	uint64_t probe_start_bytes; /* of the stream sent before it */
};

void smi_meter_round_end(struct smi_meter *meter,
			 const struct smi_round *round);

/* The burst at a round's end, or a round that is only a burst, was answered. */
void smi_meter_probe_end(struct smi_meter *meter,
			 const struct smi_round *round);

/* @pages wire pages are dirty now. @is_after_round: the harvest behind a round
 * found them, so they were dirtied during the round. */
void smi_meter_remaining(struct smi_meter *meter, uint64_t pages,
			 bool is_after_round);

/*
 * The downtime if the machine of @stats were stopped now: its remaining bytes
 * and its state over the line's bandwidth, and @other_ns.
 */
uint64_t smi_expected_downtime_ns(const struct smudge_migrate_stats *stats,
				  uint64_t other_ns);

/* Read the statistics of the memory again. */
void smi_meter_read_memory(struct smi_meter *meter,
			   struct smudge_memory *memory);

#endif
