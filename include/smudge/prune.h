/* SPDX-License-Identifier: MIT */
/*
 * Pruning: remove moments that are no longer wanted from a folder of layers
 * (libsmudge-checkpoint).
 *
 * Which layers are kept is said as backup programs say it: the last few, and
 * the last one of each of so many hours, days and weeks. The newest layer is
 * always kept. What becomes of the others:
 *
 * - A layer that no kept one stands on is removed.
 * - One that a kept layer stands on is merged into it, with all such layers
 *   below it: the kept layer is written anew, beside, with what it shows of
 *   them, and takes its old name. If none below is kept it becomes full. That
 *   is done in batches: when what it would free is a stated share of the
 *   folder. Until then such a layer stays, unwanted.
 * - One that several kept layers stand on stays.
 *
 * A kept layer shows the same memory before and after, bit for bit, and so it
 * is at every moment between, whatever stops the program or the machine: the
 * new file is verified by its digests and flushed before it replaces the old
 * one, the folder is flushed before anything that it stood on is removed, and
 * the layers are removed one by one, each before the one that it stands on. A
 * call that was stopped anywhere is completed by the next one.
 *
 * Nothing is changed under a reader: what a chain that is open in any process
 * stands on is left for the next time. (Readers are found by locks of files; on
 * a file system without them, and readers of version 0.1, are not. They fail
 * with -ESTALE or -ENOENT then, and may open the chain again.)
 */
#ifndef SMUDGE_PRUNE_H
#define SMUDGE_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "layers.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_checkpointer;

enum smudge_prune_fate {
	SMUDGE_PRUNE_KEPT,    /* the options want it, or it is the newest */
	SMUDGE_PRUNE_WAITING, /* a kept one stands on it: not merged yet */
	SMUDGE_PRUNE_SHARED,  /* several kept ones stand on it */
	SMUDGE_PRUNE_READ,    /* a reader, or another program's image, needs it
			       */
	SMUDGE_PRUNE_MERGED,  /* is in a kept one now */
	SMUDGE_PRUNE_REMOVED,
};

/* What became of a layer. */
struct smudge_pruned_layer {
	size_t size; /* the library's */
	uint64_t number;
	uint64_t time_ns;    /* CLOCK_REALTIME of the moment */
	uint64_t file_bytes; /* before */
	enum smudge_prune_fate fate;
	uint64_t merged_into; /* number of a layer; 0: not MERGED */
	bool is_rewritten;    /* KEPT, and layers were merged into it */
};

struct smudge_prune_options {
	size_t size;	    /* sizeof(struct smudge_prune_options) */
	const char *folder; /* path; a checkpointer has its own: NULL there */
	/*
	 * What is kept; at least one is not 0. Hours, days and weeks are those
	 * in which there are layers, in UTC; a week begins on Monday. Of each,
	 * the layer with the highest number is kept.
	 */
	uint64_t keep_last;
	uint64_t keep_hourly;
	uint64_t keep_daily;
	uint64_t keep_weekly;
	/*
	 * Layers are merged when that frees at least so much of the folder's
	 * bytes, as far as the layers' tables say; 1 to 100; 0: 25. Only such
	 * layers then of which it frees this share, too. So for each byte that
	 * is freed, at most 100 / garbage_percent - 1 are written.
	 */
	unsigned int garbage_percent;
	bool merge_all; /* merge whatever can be, however little it frees */
	bool dry_run;	/* change nothing: only say what would be done */
	/*
	 * Store pages of merged layers without compression. false: what is
	 * compressed is copied as it is, and other pages are compressed where
	 * that pays.
	 */
	bool uncompressed;
	/* To verify, and as many to write; 0: processors, at most 8 */
	unsigned int nthreads;
	/*
	 * Called once per layer, in ascending order, when the call has done its
	 * work: what became of it, or would with dry_run. Not when it fails.
	 * May be NULL.
	 */
	void (*pruned)(void *opaque, const struct smudge_pruned_layer *layer);
	/*
	 * Called now and then by the calling thread: so much is merged, of all
	 * that is to be, as far as known. Another value than 0 ends the call
	 * with -ECANCELED. May be NULL.
	 */
	int (*progress)(void *opaque, uint64_t done_bytes,
			uint64_t total_bytes);
	void *opaque; /* passed to both */
};

struct smudge_prune_result {
	size_t size;	 /* sizeof(...), set by the caller */
	uint64_t layers; /* that the folder had */
	uint64_t removed;
	uint64_t merged;    /* into others, and removed */
	uint64_t rewritten; /* layers that others were merged into */
	uint64_t waiting;   /* to be merged, when that frees enough */
	uint64_t in_use; /* not removed or merged since a reader needs them */
	uint64_t in_use_number; /* the newest layer that a reader needs; or 0 */
	uint64_t before_bytes;	/* of the folder's layers */
	uint64_t after_bytes;	/* with dry_run as far as known */
	uint64_t waiting_bytes; /* of the layers that wait */
	uint64_t written_bytes; /* of the layers that were rewritten */
};

/*
 * smudge_layers_prune - remove the layers of a folder that are not to be kept
 * @options: copied
 * @result: what was done, also when the call fails; its size is set by the
 *      caller. May be NULL
 * @err: receives the first failure, which names the layer; may be NULL
 *
 * Files that are no layers by their names are not touched, but for what killed
 * writers left. Images of other names that stand on layers keep those.
 * Refused before anything changes: a layer of which the head cannot be read,
 * and one to be kept whose chain is not whole. A layer with a damaged page that
 * would be merged ends the call, and nothing of it is merged.
 * Blocks: as long as reading and writing takes; starts threads of its own, and
 * ends them. Threads: any; on one folder one at a time, since it holds the
 * writer's lock (not with dry_run).
 * State after failure: every kept layer is whole and shows what it did; the
 * call may be made again.
 * Return: 0, -EINVAL (options; @result too short), -E2BIG (the options have
 * fields that this library does not know), -EBUSY (a writer has the folder),
 * -ENOENT (no folder, or a backing file of a layer to be kept is missing),
 * -ENOTDIR, -ECANCELED, -EBADMSG, -ENODATA, -EMEDIUMTYPE, -ESTALE,
 * -EPROTONOSUPPORT, -ELOOP, -EMLINK, -EXDEV (as smudge_chain_open), -ENOSPC,
 * -EDQUOT, -EFBIG, -EACCES, -EPERM, -EROFS, -EIO, -EAGAIN (no thread), -EMFILE,
 * -ENFILE, -ENOMEM.
 */
int smudge_layers_prune(const struct smudge_prune_options *options,
			struct smudge_prune_result *result,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_checkpointer_prune - the same in the folder of a checkpointer
 * @options: folder is NULL
 *
 * Saves may continue meanwhile. The layer that the next one will stand on is
 * kept, and the next one is a delta on it as it would have been, also if it was
 * rewritten; the chain's length that full_every limits is the one after
 * merging. Not in a save's callbacks.
 * Blocks: as smudge_layers_prune, and while another thread is in this call.
 * Threads: any; smudge_checkpointer_destroy only when it has returned.
 * Return: as smudge_layers_prune, without -EBUSY; -EPERM also in a child.
 */
int smudge_checkpointer_prune(struct smudge_checkpointer *checkpointer,
			      const struct smudge_prune_options *options,
			      struct smudge_prune_result *result,
			      struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
