/* SPDX-License-Identifier: MIT */
/*
 * The sending side: its structs, which its files share.
 *
 * Each file calls only those below it: sender.c begins and ends a migration;
 * sender_precopy.c makes rounds while the machine runs, sender_switch.c stops
 * it and hands it over; sender_probe.c measures the line; sender_rounds.c makes
 * one round; sender_pages.c packs pages into records; sender_untouched.c finds
 * those that need not be read; sender_peer.c sends records and receives the
 * answers.
 */
#ifndef LIB_MIGRATE_SENDER_OBJECTS_H
#define LIB_MIGRATE_SENDER_OBJECTS_H

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

/*
 * What round 1, which has every page, knows of pages that were never touched.
 * They are sent as zeros, and never read.
 */
struct smi_untouched {
	bool is_asked;	      /* in this round */
	uint64_t known_end;   /* of the region that is sent: pages before it are
				 read without another question */
	uint64_t round_pages; /* wire pages that were not read */
	uint64_t timeout_ns;  /* the channel's, without time for them */
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
	struct smi_untouched untouched;
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

#endif
