/* SPDX-License-Identifier: MIT */
/*
 * The process's soft-dirty bits, shared by all sources that read them.
 *
 * Clearing is for the whole process, so one object knows all uses: before a
 * clear the bits of each use are read into its `pending`, and all writers of
 * all uses stand. It is changed under one lock of the address space, which is
 * taken after a region's.
 *
 * THE CANARY is a page of the library's own between two that may not be
 * touched, so that its mapping never merges with another. It is written after
 * each clear. If its bit is gone later, another user cleared the process's
 * bits, and every page may have been written.
 */
#ifndef LIB_SOURCE_SOFT_DIRTY_BITS_H
#define LIB_SOURCE_SOFT_DIRTY_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/soft_dirty.h>

/* The range of one source that runs. */
struct smi_soft_dirty_use {
	const struct smudge_soft_dirty_options *options; /* the source's */
	uint64_t first_page, npages; /* the host's pages; addresses shifted */
	uint64_t *pending;	     /* a bit per page, little-endian words */
	size_t nwords;		     /* of npages */
	uint64_t space;		     /* the address space */
	struct smi_soft_dirty_use *next;
	bool was_quiesced;
};

/*
 * smi_soft_dirty_probe - has this kernel such bits?
 *
 * Return: 0, -EOPNOTSUPP, -ENOSYS, -EPERM, -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_soft_dirty_probe(struct smudge_error *err);

/*
 * smi_soft_dirty_open - add a use, and clear the bits
 * @use: zeroed but for options, first_page and npages; its place stays
 *
 * State after failure: not added. Return: as a start.
 */
int smi_soft_dirty_open(struct smi_soft_dirty_use *use,
			struct smudge_error *err);
void smi_soft_dirty_close(struct smi_soft_dirty_use *use);

/*
 * smi_soft_dirty_grow - the use has @npages, more than before. Their bits are
 *      as they are
 * smi_soft_dirty_cut - the use has @npages, fewer than before
 *
 * Return: 0, -EBUSY (another use has a part of what is new), -ENOMEM; then
 * nothing has changed.
 */
int smi_soft_dirty_grow(struct smi_soft_dirty_use *use, uint64_t npages,
			struct smudge_error *err);
void smi_soft_dirty_cut(struct smi_soft_dirty_use *use, uint64_t npages);

/*
 * smi_soft_dirty_fetch - move the bits into `pending` of each use, and clear
 *      them
 * smi_soft_dirty_look - OR the bits of one use into @words, and clear nothing
 *
 * After a fetch `pending` is the use's until the next call. Return: 0 or
 * -errno; what is pending stays pending.
 */
int smi_soft_dirty_fetch(struct smi_soft_dirty_use *use,
			 struct smudge_error *err);
int smi_soft_dirty_look(struct smi_soft_dirty_use *use, uint64_t *words,
			struct smudge_error *err);

/*
 * Hand the pending pages over: copy them to @words, and forget them.
 */
void smi_soft_dirty_take(struct smi_soft_dirty_use *use, uint64_t *words);

#endif
