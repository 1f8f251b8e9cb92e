/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: what its files share.
 *
 * Each file calls only those below it: receiver.c begins and ends a migration;
 * receiver_records.c handles the records; receiver_pages.c writes pages into
 * the regions; receiver_round1.c checks that round 1 sends no page twice.
 */
#ifndef LIB_MIGRATE_RECEIVER_H
#define LIB_MIGRATE_RECEIVER_H

#include <stdbool.h>

#include <smudge/migrate.h>

#include "migrate/regions.h"
#include "stream/link.h"
#include "stream/transport_socket.h"
#include "wire/control.h"
#include "wire/pages.h"
#include "wire/sequence.h"

struct smi_receiver {
	struct smudge_migration *migration;
	struct smudge_migrate_receive_options options;
	struct smudge_error err; /* the first failure */
	struct smi_transport_socket socket;
	struct smi_link link;
	struct smi_regions regions;
	struct smi_wire_sequence sequence;
	struct smudge_migrate_stats stats;
	uint64_t start_ns;
	uint64_t last_progress_ns;
	uint64_t failed_at_bytes; /* where in the stream that record begins */
	uint8_t *state_record;	  /* STATE as received, kept until END */
	struct smi_wire_state state; /* points into it */
	bool is_state_refused;
	bool is_handed_over; /* GO was accepted: the machine may run here */
	struct smudge_bitmap **round1_seen; /* one per region; else NULL */
};

static inline struct smi_channel *
smi_receiver_channel(struct smi_receiver *receiver)
{
	return smi_link_channel(&receiver->link);
}

/* receiver_records.c: publish the statistics and call the caller's callback. */
void smi_receiver_progress(struct smi_receiver *receiver);

/*
 * smi_receiver_record - handle the record just received, which is due now
 *
 * Return: 0, or -errno noted in receiver->err.
 */
int smi_receiver_record(struct smi_receiver *receiver,
			const struct smi_wire_header *header);

/* receiver_pages.c: the same for a PAGES or ZERO record. */
int smi_receiver_pages(struct smi_receiver *receiver,
		       const struct smi_wire_header *header);

/*
 * receiver_round1.c: smi_round1_seen_begin before round 1, _end after it or
 * after a failure, _check for each record of pages before they are written.
 * Return: 0, -ENOMEM, or -EPROTO (round 1 has sent the page already).
 */
int smi_round1_seen_begin(struct smi_receiver *receiver);
void smi_round1_seen_end(struct smi_receiver *receiver);
int smi_round1_seen_check(struct smi_receiver *receiver,
			  const struct smi_wire_pages *pages);

#endif
