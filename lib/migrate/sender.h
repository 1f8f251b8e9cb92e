/* SPDX-License-Identifier: MIT */
/*
 * The sending side: what its files share.
 *
 * Each file calls only those below it: sender.c begins and ends a migration;
 * sender_precopy.c makes rounds while the machine runs, sender_switch.c stops
 * it and hands it over; sender_probe.c measures the line; sender_rounds.c makes
 * one round; sender_pages.c packs pages into records; sender_peer.c sends
 * records and receives the answers.
 */
#ifndef LIB_MIGRATE_SENDER_H
#define LIB_MIGRATE_SENDER_H

#include <stdbool.h>

#include <smudge/client.h>
#include <smudge/migrate.h>

#include "migrate/regions.h"
#include "migrate/stats.h"
#include "stream/link.h"
#include "stream/transport_socket.h"
#include "wire/control.h"
#include "wire/pages.h"

/* One PAGES and one ZERO record that are being filled. */
struct smi_packer {
	uint32_t region; /* stream id */
	uint8_t *pages_record;
	struct smudge_run *runs; /* SMI_WIRE_MAX_PAGES */
	size_t nruns;
	uint64_t npages; /* in runs */
	uint8_t *zero_record;
	struct smudge_run *zero_runs; /* SMI_WIRE_MAX_ZERO_RUNS */
	size_t nzero_runs;
	uint64_t nzero_pages;
};

/* Pages kept for the burst at the end of a round that a limit paces:
 * [first_page, end_page) of one region. */
struct smi_probe {
	bool is_chosen;
	uint32_t region; /* stream id */
	uint64_t first_page;
	uint64_t end_page;
};

struct smi_sender {
	struct smudge_migration *migration;
	struct smudge_memory *memory;
	struct smudge_migrate_send_options options;
	struct smudge_error err; /* the first failure */
	struct smi_transport_socket socket;
	struct smi_link link;
	struct smi_regions regions;
	struct smi_packer packer;
	struct smi_meter meter;
	struct smi_probe probe;
	struct smi_wire_totals totals;	     /* of the records sent */
	struct smi_wire_totals round_totals; /* those of the current round */
	struct smudge_client *client;
	struct smudge_batch *batch;
	uint32_t abort_code; /* enum smi_wire_abort_code; 0: by the error */
	bool is_refused;     /* the receiver ended it: no ABORT is sent */
	bool is_stopped;     /* machine_stop was called */
	bool is_policy_out;  /* the policy gave up */
	bool is_handed_over; /* GO is out: the machine must stay stopped */
	bool is_confirmed;   /* RECEIPT came */
};

static inline struct smi_channel *smi_sender_channel(struct smi_sender *sender)
{
	return smi_link_channel(&sender->link);
}

/* sender_peer.c. Calls that return int: 0, or -errno noted in sender->err. */
int smi_sender_greet(struct smi_sender *sender);
int smi_sender_send(struct smi_sender *sender, uint8_t *record, uint32_t type,
		    uint64_t length);
int smi_sender_wait(struct smi_sender *sender, uint32_t type);

/* sender_pages.c */
int smi_packer_create(struct smi_packer *packer, struct smudge_error *err);
void smi_packer_destroy(struct smi_packer *packer);
int smi_sender_pack_batch(struct smi_sender *sender, uint32_t region);

/* sender_rounds.c */
void smi_sender_progress(struct smi_sender *sender);
int smi_sender_harvest(struct smi_sender *sender, uint64_t *ret_pages);
int smi_sender_round_begin(struct smi_sender *sender, bool final,
			   uint64_t expected_pages);
int smi_sender_send_dirty(struct smi_sender *sender);
int smi_sender_send_range(struct smi_sender *sender, uint32_t index,
			  uint64_t first_page, uint64_t end_page);
int smi_sender_round_end(struct smi_sender *sender);
/* Send ROUND_END, wait for its answer, and note both in @round. */
int smi_sender_round_finish(struct smi_sender *sender, struct smi_round *round);

/*
 * sender_probe.c. smi_probe_choose keeps pages back from
 * smi_sender_send_dirty (none without a limit). smi_probe_send sends them at
 * the end of the round and notes when that began. smi_probe_round makes a round
 * that is only a burst, if there are enough pages.
 */
void smi_probe_choose(struct smi_sender *sender);
int smi_probe_send(struct smi_sender *sender, struct smi_round *round);
int smi_probe_round(struct smi_sender *sender, bool *ret_was_made);

/* sender_precopy.c */
int smi_sender_precopy(struct smi_sender *sender);

/* sender_switch.c */
int smi_sender_switch(struct smi_sender *sender);

#endif
