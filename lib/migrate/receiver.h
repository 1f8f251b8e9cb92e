/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: what its files share.
 *
 * receiver.c begins and ends, and gives each record to its handler;
 * receiver_pages.c writes pages into the regions.
 */
#ifndef SMI_MIGRATE_RECEIVER_H
#define SMI_MIGRATE_RECEIVER_H

#include <stdbool.h>

#include <smudge/migrate.h>

#include "migrate/link.h"
#include "migrate/regions.h"
#include "wire/order.h"

struct smi_receiver {
	struct smudge_migration *migration;
	struct smudge_migrate_receive_options options;
	struct smudge_error err; /* the first failure */
	struct smi_link link;
	struct smi_regions regions;
	struct smi_wire_order order;
	struct smudge_migrate_stats stats;
	uint64_t start_ns;
	uint64_t last_progress_ns;
	uint8_t *state; /* payload of STATE, kept until END */
	size_t state_bytes;
	bool is_state_refused;
};

/* Handle the PAGES or ZERO record just received. 0 or -errno. */
int smi_receiver_pages(struct smi_receiver *receiver,
		       const struct smi_wire_header *header);

#endif
