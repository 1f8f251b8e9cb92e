/* SPDX-License-Identifier: MIT */
/*
 * What the command line of smudge checkpoint asks for.
 */
#ifndef TOOLS_CHECKPOINT_REQUEST_H
#define TOOLS_CHECKPOINT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "keep.h"

struct checkpoint_request {
	/* what is checkpointed: one of these, but pid may be beside qemu */
	const char *qmp;  /* path of smudge-vm's socket; or NULL */
	const char *qemu; /* path of QEMU's socket; or NULL */
	pid_t pid;	  /* or 0 */

	const char *folder; /* or the URI of a disk (common/nbd_uri.h) */
	bool is_full;
	bool is_uncompressed;
	bool look_ahead;
	bool snapshots_disks;	    /* of QEMU, with each checkpoint */
	const char *disk_overlays;  /* a folder, instead; or NULL */
	uint64_t pause_deadline_ms; /* 0: none was given */
	uint64_t every_ns;	    /* 0: one checkpoint */
	uint64_t count;		    /* of checkpoints; 0: no limit */
	uint64_t full_every;	    /* every so many layers; 0: 64 */
	const char *on_commit;	    /* a command for each; or NULL */
	uint64_t store_deadline_ns; /* 0: none was given */
	struct keep keep;	    /* none: no layer is removed */
	const char *snapshot_qmp;   /* of the disk's engine; or NULL */
	const char *snapshot_node;  /* the same */
	bool may_lack_flush;	    /* the disk's server */

	bool is_json;
};

#endif
