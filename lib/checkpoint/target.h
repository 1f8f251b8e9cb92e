/* SPDX-License-Identifier: MIT */
/*
 * Where a moment's virtual disk is written: into the file of a new layer
 * (target_folder.c), or onto a block device that holds the live image
 * (target_disk.c). One save at a time; all pages are the disk's.
 *
 *	has_parent (any thread), place_tail, begin, data|zeros|drain,
 *	commit, end
 */
#ifndef LIB_CHECKPOINT_TARGET_H
#define LIB_CHECKPOINT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/layer.h"

struct smi_moment;
struct smi_save;
struct smi_stored;
struct smi_target;
struct smudge_chain;

struct smi_target_ops {
	/*
	 * May a save stand on @moment, the last one? The checkpointer's lock is
	 * held: nothing that may hang.
	 */
	bool (*has_parent)(struct smi_target *target,
			   const struct smi_moment *moment);
	/*
	 * Set tail_page, tail_npages and disk_npages; the extents are placed.
	 * Once more when the tail's length is final, which is never longer.
	 * @is_most: only the most is known, which is far too much.
	 * Return: 0, -ENOSPC.
	 */
	int (*place_tail)(struct smi_target *target,
			  const struct smi_layer *parent,
			  struct smi_layer *layer, size_t tail_npages,
			  bool is_most, struct smudge_error *err);
	/* @save has its layer; @parent is NULL for a full one. */
	int (*begin)(struct smi_target *target, struct smi_save *save,
		     const struct smi_moment *parent, struct smudge_error *err);
	/*
	 * As those of qcow2/writer.h: @bytes and @digests are borrowed until
	 * drain, commit or stop returns.
	 */
	int (*data)(struct smi_target *target, uint64_t first_page,
		    uint64_t npages, const void *bytes,
		    struct smi_qcow2_digest *digests, struct smudge_error *err);
	int (*zeros)(struct smi_target *target, uint64_t first_page,
		     uint64_t npages, struct smudge_error *err);
	int (*drain)(struct smi_target *target, struct smudge_error *err);
	/*
	 * Tail and footer, and all of it on stable storage.
	 * Return: 0, and the moment's number and stamp, and file_bytes.
	 */
	int (*commit)(struct smi_target *target, const uint8_t *tail,
		      struct smi_stored *stored, struct smudge_error *err);
	/*
	 * After the program was told: is the moment still there, so that it was
	 * all the time? NULL: of course.
	 * Return: 0, -EBUSY: another writer came meanwhile, it is not.
	 */
	int (*confirm)(struct smi_target *target, struct smudge_error *err);
	/* What errors and programs call a layer of that number. */
	void (*name)(uint64_t number, char name[SMI_LAYER_NAME_BYTES]);
	/* After a failure: nothing is borrowed any more. */
	void (*stop)(struct smi_target *target);
	/* Of each save that was placed. @is_whole: committed, it is the last.
	 */
	void (*end)(struct smi_target *target, bool is_whole);

	/* Any thread, under the lock: what is in flight fails. */
	void (*cancel)(struct smi_target *target);
	uint64_t (*written_pages)(const struct smi_target *target);

	/*
	 * @moment, which has no places yet, continues @chain's open layer.
	 * Return: 0, and its number and stamp; -ESTALE: it is not the last one.
	 */
	int (*adopt)(struct smi_target *target,
		     const struct smudge_chain *chain,
		     struct smi_moment *moment, struct smudge_error *err);
	void (*destroy)(struct smi_target *target);
};

struct smi_target {
	const struct smi_target_ops *ops;
	uint64_t others_stop_ns; /* a disk's, see disk_owner.h */
	bool shows_old;		 /* everywhere, in a full layer too */
	bool is_refusable; /* a moment that the program refuses is not saved */
	/* Since begin: its tables are not all those of the parent. */
	bool has_other_tables;
};

struct smudge_checkpointer;

int smi_target_folder_create(struct smudge_checkpointer *cp,
			     struct smi_target **ret_target,
			     struct smudge_error *err);
int smi_target_disk_create(struct smudge_checkpointer *cp,
			   struct smi_target **ret_target,
			   struct smudge_error *err);

#endif
