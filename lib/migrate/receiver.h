/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: what its files share.
 *
 * receiver.c begins and ends, and gives each record to its handler;
 * receiver_pages.c writes pages into the regions; receiver_once.c sees that
 * round 1 brings each of them once.
 */
#ifndef SMI_MIGRATE_RECEIVER_H
#define SMI_MIGRATE_RECEIVER_H

#include <stdbool.h>

#include <smudge/migrate.h>

#include "migrate/regions.h"
#include "stream/link.h"
#include "stream/transport_socket.h"
#include "wire/control.h"
#include "wire/order.h"
#include "wire/pages.h"

struct smi_receiver {
	struct smudge_migration *migration;
	struct smudge_migrate_receive_options options;
	struct smudge_error err; /* the first failure */
	struct smi_transport_socket socket;
	struct smi_link link;
	struct smi_regions regions;
	struct smi_wire_order order;
	struct smudge_migrate_stats stats;
	uint64_t start_ns;
	uint64_t last_progress_ns;
	uint64_t failed_at_bytes;    /* the record that failed, in the stream */
	uint8_t *state_record;	     /* STATE as received, kept until END */
	struct smi_wire_state state; /* points into it */
	bool is_state_refused;
	bool is_handed_over;	     /* GO was accepted: the machine is ours */
	struct smudge_bitmap **seen; /* one a region; NULL after round 1 */
};

/* Handle the PAGES or ZERO record just received. 0 or -errno. */
int smi_receiver_pages(struct smi_receiver *receiver,
		       const struct smi_wire_header *header);

/*
 * receiver_once.c: smi_once_begin before round 1, smi_once_end after it or
 * after a failure, smi_once_check for each record of pages, before they are
 * written. 0, -ENOMEM, or -EPROTO (a page comes twice).
 */
int smi_once_begin(struct smi_receiver *receiver);
void smi_once_end(struct smi_receiver *receiver);
int smi_once_check(struct smi_receiver *receiver,
		   const struct smi_wire_pages *pages);

#endif
