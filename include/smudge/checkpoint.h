/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: save the memory of a running machine again and again, each time
 * what changed, and bring any of these moments back (libsmudge-checkpoint).
 *
 * A checkpointer is a client of the memory (client.h) with dirty bits of its
 * own: other checkpointers, a migration or a rate measurement beside it neither
 * disturb it nor are disturbed.
 *
 * A save: the machine is paused (a callback), what is dirty is harvested, taken
 * and copied, the machine continues (a callback), and threads of the
 * checkpointer compress and write the copies to a layer (layers.h). When the
 * layer is in place, whole and flushed, the moment is saved. When anything
 * fails the pages are dirty again: the next save has them, and nothing is lost
 * but a moment. Regions may come, go and be resized between two saves, also
 * while a layer is written.
 *
 *	pause |------- machine runs again -------------------------->
 *	quiesce, harvest, copy, resume, compress, write, flush, in place
 *
 * A save that looks ahead copies most pages while the machine still runs, and
 * in the pause only what was written since. Where pinned I/O is not marked
 * (SMUDGE_REARM_QUIESCED) it pauses the machine more than once: first for a
 * harvest alone.
 *
 *	short pause |- machine runs -| pause |- machine runs again ------->
 *	quiesce, harvest, resume, copy, quiesce, harvest, copy, resume, ...
 *
 * Instead of a folder a checkpointer may have a disk (disk.h): a block device
 * that holds the live image of the last moment. Each save overwrites what
 * changed in it, and when all of it is flushed the engine behind the device
 * takes its snapshot (committed): the moment is saved when it has one. While a
 * save is written the live image is torn, and says so: its footer is erased
 * before anything else.
 *
 *	erase the footer, flush, pages, tables, tail, flush, footer, flush,
 *	committed
 */
#ifndef SMUDGE_CHECKPOINT_H
#define SMUDGE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "client.h"
#include "disk.h"
#include "error.h"
#include "layers.h"
#include "memory.h"
#include "restore.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_checkpointer;

struct smudge_checkpointer_options {
	size_t size;	    /* sizeof(struct smudge_checkpointer_options) */
	const char *folder; /* path; made with mode 0700 if it is missing;
			       NULL: there is a disk */
	const char *name;   /* of the client; NULL: "checkpoint" */
	struct smudge_region *const *regions; /* to save; copied */
	size_t nregions; /* 0: every region, those added later included */
	/*
	 * Pause the machine: nothing writes its memory when it returns 0, until
	 * resume. Called by smudge_checkpointer_save on its thread; both return
	 * 0, or -errno with a sentence in @err, which is never NULL. resume is
	 * called once for each quiesce that returned 0, whatever happens; if it
	 * fails, the save fails. NULL: the caller pauses the machine around the
	 * save, or lives with pages from slightly different moments.
	 *
	 * A save that looks ahead under SMUDGE_REARM_QUIESCED calls the pair 2
	 * to 4 times (once if little is dirty). Only in the last pause is
	 * save_state called; nothing else tells a callback which one it is.
	 */
	int (*quiesce)(void *opaque, struct smudge_error *err);
	int (*resume)(void *opaque, struct smudge_error *err);
	/*
	 * Called while the machine is paused, before the pages are copied, to
	 * add blobs (device state) with smudge_checkpoint_add_blob. Memory
	 * that it writes, and marks, is in the layer. May be NULL.
	 */
	int (*save_state)(void *opaque,
			  struct smudge_checkpointer *checkpointer,
			  struct smudge_error *err);
	/*
	 * The store has no room: called from the writer's thread. Return 0 when
	 * room was made, to write this layer once more; else it fails with
	 * -ENOSPC. NULL: it fails, and so does a save beyond the budget, whose
	 * first copies are gone by then.
	 */
	int (*store_full)(void *opaque);
	void *opaque; /* passed to all of them */
	/*
	 * Longest pause, of each one. When it has passed before the pause's
	 * work is done, the machine is resumed, the pages are returned, and the
	 * save fails with -ETIMEDOUT. 0: none.
	 */
	uint64_t pause_deadline_ns;
	/*
	 * Memory for copies that wait to be written, of all saves under way; 0:
	 * 1 GiB; at least 8 MiB. A save that needs more writes its layer while
	 * pages are copied, and so in the pause too.
	 */
	uint64_t memory_budget_bytes;
	/*
	 * Every so many layers is a full one, which bounds the chain; 0: 64; at
	 * most 4096, which is the longest chain that is read. Of no meaning on
	 * a disk, which always has the whole moment.
	 */
	uint32_t full_every;
	/*
	 * Harvest and copy first while the machine still runs, and copy during
	 * the pause only what was written since. Where much is dirty; a page
	 * that is written all the time is copied twice. A full layer does it
	 * always.
	 *
	 * Under SMUDGE_REARM_QUIESCED a pause without copies comes before that,
	 * if more than 16 MiB are dirty. Without quiesce nothing is gained, and
	 * nothing is copied ahead; nor in regions where this policy is only
	 * that of another client.
	 */
	bool look_ahead;
	bool uncompressed;     /* store pages as they are */
	unsigned int nthreads; /* to copy and to compress; 0: processors, at
				  most 8 */
	enum smudge_rearm_policy rearm_policy; /* as in client.h */
	/*
	 * quiesce harvests the memory itself when the machine is paused, as
	 * smudge_process_harvest_quiesced does (quiesced under
	 * SMUDGE_REARM_QUIESCED): it is not harvested once more in the pause.
	 */
	bool quiesce_harvests;
	/*
	 * The memory is now what this chain's open layer says: the first save
	 * is a delta on it. Only after smudge_restore or smudge_restore_lazily
	 * of it into this very memory, with writers tracked since (they say
	 * how).
	 * Nothing writes the memory during the call. Borrowed during it.
	 * NULL: the first save is full.
	 *
	 * The digests of a folder's layer are read when the first delta is
	 * written. If they cannot be, that save fails, and the next one is
	 * full.
	 *
	 * With a disk: the chain is of smudge_chain_open_disk, of the same
	 * device or of a snapshot of it, and the device's footer still is that
	 * moment's.
	 */
	struct smudge_chain *clean_as_of;
	/*
	 * Write to this disk instead of to a folder. Copied; what its ops are
	 * passed is the program's, and stays valid until destroy has returned
	 * 0. Nothing else writes the device meanwhile: the library has no lock
	 * on it.
	 *
	 * Without clean_as_of the first save is full: it leaves nothing of what
	 * the device had inside its extents and tables. After a save that
	 * failed the next one has all that the failed one may have written.
	 */
	const struct smudge_disk *disk;
	/*
	 * The moment is on stable storage. Called once per save that got so
	 * far, in their order, from a thread of the checkpointer, while the
	 * machine runs. It may call smudge_checkpointer_cancel and _stats, and
	 * nothing else of this checkpointer. @info is valid during the call. It
	 * returns 0, or -errno with a sentence in @err, which is never NULL;
	 * -EIO stands for what no errno is. May be NULL.
	 *
	 * Of a folder: the layer is in place, whole, under info->file_name.
	 * What it returns is what smudge_checkpointer_wait returns; the layer
	 * stays, also as the parent of the next one.
	 *
	 * Of a disk: the live image is complete and flushed, and the engine is
	 * to take its snapshot now: nothing writes the device until it returns.
	 * If it fails, the moment is not saved, and its pages are in the next
	 * save. info->number is one that no save before had, failed ones
	 * included; info->file_name is "disk".
	 */
	int (*committed)(void *opaque, const struct smudge_layer_info *info,
			 struct smudge_error *err);
	/*
	 * Longest time for one call of the disk or of committed, in
	 * nanoseconds; 0: none. When it has passed, the disk's cancel is
	 * called, and the save fails with -ETIMEDOUT; its pages are in the next
	 * one.
	 *
	 * A call that does not return even so, within as long again (a second
	 * at most), is left behind in its thread. It is not waited for by
	 * smudge_checkpointer_save, and what it has borrowed stays valid; but
	 * as long as it has not returned nothing else is called on the disk, so
	 * each save that is to be written meanwhile waits for it as long as
	 * this, and fails too. With a folder only committed has this deadline,
	 * not what the kernel writes.
	 */
	uint64_t store_deadline_ns;
	/*
	 * With a disk: the number of the last save that the engine has, as the
	 * program knows; the next one's is one more. 0: they begin with 1.
	 */
	uint64_t last_number;
};

/*
 * smudge_checkpointer_create - begin to save a memory into a folder, or onto a
 *      disk
 * @memory: borrowed until destroy
 * @options: copied
 * @ret_checkpointer: receives it, ended by smudge_checkpointer_destroy
 * @err: receives the first failure; may be NULL
 *
 * Locks the folder against other writers, opens a client, starts a thread; for
 * a disk a few more. A disk is not written yet, and only read with clean_as_of.
 * Blocks: as smudge_client_open, and with clean_as_of on the harvest, and on
 * reading a disk. Threads: any.
 * State after failure: as before, but the folder may have been made.
 * Return: 0, -EINVAL, -E2BIG (the options have fields that this library does
 * not know), -EBUSY (another writer has the folder), -ENOTDIR, -ENOENT (the
 * folder's own folder), -EACCES, -EROFS, -ENOSPC, -ESTALE (clean_as_of is not
 * the folder's newest layer, not what the disk shows, or not of these regions),
 * -EOPNOTSUPP, -EPERM (in a child of fork), -EAGAIN (no thread), -EMFILE,
 * -ENFILE, -EIO, -ENOMEM, as smudge_client_open, or, with clean_as_of, as
 * smudge_chain_read and smudge_memory_harvest, and for a disk what its read
 * returned, or -ETIMEDOUT (store_deadline_ns).
 */
int smudge_checkpointer_create(
	struct smudge_memory *memory,
	const struct smudge_checkpointer_options *options,
	struct smudge_checkpointer **ret_checkpointer,
	struct smudge_error *err) SMUDGE_MUST_CHECK SMUDGE_NONNULL(1, 2, 3);

/* What holds for one save instead of the checkpointer's options. */
struct smudge_save_options {
	size_t size;  /* sizeof(struct smudge_save_options) */
	bool is_full; /* stand on no other layer */
	bool look_ahead;
	bool uncompressed;
	uint64_t pause_deadline_ns; /* 0: none */
};

/*
 * smudge_checkpointer_save - one checkpoint, until the machine runs again
 * @options: of this save; NULL: as the checkpointer was created
 * @ret_ticket: receives a number for smudge_checkpointer_wait; may be NULL
 *
 * On success the moment is copied, and the layer is being written. It waits
 * before the pause, not in it, while copies of earlier saves fill the budget.
 * Pages that another process has unmapped since the last look at its mappings
 * are zeros in the layer.
 * A save whose parent fails to get in place fails too. Regions are held while
 * they are copied (those of a save beyond the budget until it ends), so quiesce
 * may change them: for another process's memory it stops the process and calls
 * smudge_process_harvest. Pages that the process has no memory for are zeros.
 * Blobs that were added belong to this save, also if it fails.
 * Blocks: on the callbacks, the harvest, copying. Threads: one at a time.
 * State after failure: the machine was resumed, if quiesce had paused it; taken
 * pages are dirty again; the layers in the folder are as before.
 * Return: 0, -EINVAL, -E2BIG (options), -ENOENT (no region), -ETIMEDOUT (the
 * pause's deadline), -ECANCELED, -EAGAIN (the parent failed meanwhile, or a
 * region was added to a save beyond the budget; try again), -EPERM (in a
 * child), -ENOMEM, what a callback returned (-EIO for what it may not return),
 * the error of the harvest or of reading a page, or, of a save beyond the
 * budget, as smudge_checkpointer_wait.
 */
int smudge_checkpointer_save(struct smudge_checkpointer *checkpointer,
			     const struct smudge_save_options *options,
			     uint64_t *ret_ticket,
			     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_checkpoint_add_blob - bytes that belong to the moment; only from
 *      save_state, or before a save without one
 * @name: at most 63 bytes, unique in the layer
 * @bytes: copied
 *
 * Blocks: no. Threads: the one that calls save_state, or one at a time.
 * Return: 0, -EINVAL (name), -EEXIST, -E2BIG (blobs above 512 MiB), -ENOMEM.
 */
int smudge_checkpoint_add_blob(struct smudge_checkpointer *checkpointer,
			       const char *name, const void *bytes,
			       size_t length_bytes, struct smudge_error *err)
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_checkpointer_wait - until the layer of a save is in place, or failed
 * @ticket: of smudge_checkpointer_save
 * @info: receives what the layer says; its size is set by the caller. May be
 * NULL
 *
 * Blocks: until then. Threads: any. Results of the last 64 saves are kept.
 * Return: 0, -EINVAL (no such save, or @info is too short), -ECANCELED,
 * -ENOSPC, -EDQUOT, -EFBIG, -EIO, -EEXIST (another program made a layer of that
 * number at this moment, or one of the highest number that there is), -ENOENT
 * (the folder, or the layer that it stands on, was removed, or is another one
 * now: the next save is full),
 * -EAGAIN (its parent failed, or no thread could be created), -E2BIG (the
 * memory is too large for a layer), -EACCES, -EROFS, -EMFILE, -ENFILE, -EPERM
 * (in a child), -ENOMEM, -ETIMEDOUT (store_deadline_ns), or what committed
 * returned: with a folder the layer is in place then, and @info received. With
 * a disk: what its ops returned, -ENOSPC also where the moment is larger than
 * the device (the sentence says what size is needed), -ENOENT where the device
 * no longer shows what was written last (another program wrote it, or it was
 * put back to a snapshot: the next save is full), -EBUSY where another program
 * began to write the device meanwhile (the next save is full). The first delta
 * after clean_as_of: also as smudge_chain_read.
 */
int smudge_checkpointer_wait(struct smudge_checkpointer *checkpointer,
			     uint64_t ticket, struct smudge_layer_info *info,
			     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_checkpointer_cancel - give up the saves under way
 *
 * A save that is copying returns -ECANCELED; layers that are not in place are
 * removed and their pages returned.
 * Also one that has begun and has not paused the machine yet. A save that
 * begins later is not concerned. Blocks: on a lock. Threads: any; not from
 * signal handlers, nor in a child.
 */
void smudge_checkpointer_cancel(struct smudge_checkpointer *checkpointer)
	SMUDGE_NONNULL(1);

struct smudge_checkpointer_stats {
	size_t size; /* sizeof(...), set by the caller */
	uint64_t saves, failed_saves;
	uint64_t layers, full_layers; /* in place */
	uint64_t waiting;	      /* saves that are being written */
	uint64_t waiting_pages;	      /* of them, not written yet */
	uint64_t copied_pages;	      /* during pauses */
	uint64_t ahead_pages;	      /* read before a pause and still right */
	uint64_t untouched_pages;     /* never read, since nothing is there */
	uint64_t returned_pages;
	uint64_t last_pause_ns, longest_pause_ns;
	uint64_t file_bytes;	    /* of all layers written */
	uint64_t pauses, paused_ns; /* all of them */
	/*
	 * Of the save that is copying now, before its pause or in it: pages to
	 * copy, as far as known, and of them those not copied yet. A page that
	 * is copied again counts again. 0: none is copying.
	 */
	uint64_t copying_pages, uncopied_pages;
};

/*
 * smudge_checkpointer_stats - what the checkpointer did so far
 * @stats: receives it; its size is set by the caller
 *
 * Blocks: on a lock. Threads: any. Return: 0, -EINVAL (struct too short).
 */
int smudge_checkpointer_stats(struct smudge_checkpointer *checkpointer,
			      struct smudge_checkpointer_stats *stats)
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_checkpointer_destroy - end; waits for layers that are being written
 * @checkpointer: may be NULL; invalid afterwards
 *
 * To end at once, cancel first.
 * Blocks: until its threads have ended, but for calls that store_deadline_ns
 * has left behind: those it waits for only that long. Without it a call of the
 * disk or of committed that never returns is waited for for ever.
 * Threads: no other call may use it.
 * Return: 0, -EPERM (in a child), -ETIMEDOUT (a call is still left behind: the
 * checkpointer has ended, but the threads in such calls have not; what they use
 * of the program's must stay valid until they return, and no other checkpointer
 * may be given the disk before).
 */
int smudge_checkpointer_destroy(struct smudge_checkpointer *checkpointer);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
