/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: its struct, which its files share.
 *
 * Each file calls only those below it: receiver.c begins and ends a migration;
 * receiver_records.c handles the records; receiver_pages.c writes pages into
 * the regions; receiver_round1.c checks that round 1 sends no page twice.
 */
#ifndef LIB_MIGRATE_RECEIVER_OBJECTS_H
#define LIB_MIGRATE_RECEIVER_OBJECTS_H

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

#endif
