/* SPDX-License-Identifier: MIT */
/*
 * What a checkpoint is asked to be, by QMP or by the command line.
 */
#ifndef VM_CHECKPOINT_REQUEST_H
#define VM_CHECKPOINT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/keep.h"

struct checkpoint_request {
	const char *folder; /* or the URI of a disk; NULL: the one that is
			       open */
	bool is_full;
	bool uncompressed;
	bool look_ahead;
	uint64_t pause_deadline_ns;  /* 0: none */
	struct checkpoint_keep keep; /* pruned by, when it is in place */
	/* as in struct commit_options (common/commit.h) */
	const char *on_commit, *snapshot_qmp, *snapshot_node;
	uint64_t store_deadline_ns; /* 0: 60 s for a disk, else none */
	bool may_lack_flush;	    /* the disk's server */
};

#endif
