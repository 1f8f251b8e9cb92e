/* SPDX-License-Identifier: MIT */
/*
 * The dirty bitmap: one bit per page, summary bits above it.
 *
 * Two kinds of thread use a bitmap. Markers call smudge_bitmap_mark and
 * smudge_bitmap_mark_range; any number of threads may, at any time, without a
 * lock. Every other call belongs to the owner: the caller lets one thread at a
 * time make them (the memory layer does so with the region's lock).
 *
 * A query or take sees a mark if the mark call returned before it began. A
 * program marks a page AFTER it wrote it: a mark before the write may be taken
 * before the content is there, and then that write is lost.
 */
#ifndef SMUDGE_BITMAP_H
#define SMUDGE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "batch.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The most pages of a bitmap: 2^40 pages of 4 KiB are 4 PiB. */
#define SMUDGE_BITMAP_MAX_PAGES (UINT64_C(1) << 40)

struct smudge_bitmap;

/*
 * smudge_bitmap_create - a bitmap of clean pages
 * @npages: 1 to SMUDGE_BITMAP_MAX_PAGES
 * @ret: receives the bitmap, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Address space for all levels is reserved; the kernel populates it page by
 * page as bits appear. Blocks: on mmap only. Threads: any.
 * Return: 0, -EINVAL (@npages out of range), -ENOMEM (no address space).
 */
int smudge_bitmap_create(uint64_t npages, struct smudge_bitmap **ret,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(2);

/*
 * smudge_bitmap_destroy - free a bitmap
 * @bitmap: may be NULL
 *
 * Blocks: no. Threads: owner; no marker may run or start.
 */
void smudge_bitmap_destroy(struct smudge_bitmap *bitmap);

/*
 * smudge_bitmap_npages - the size given at creation, in pages
 *
 * Blocks: no. Threads: any.
 */
uint64_t smudge_bitmap_npages(const struct smudge_bitmap *bitmap)
	SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_resident_bytes - memory the bitmap holds now
 * @bitmap: bitmap (borrowed)
 *
 * Counts the populated pages of the reserved mappings and the handle.
 * Blocks: on mincore(2), about a millisecond per GiB of page bits mapped.
 * Threads: any.
 */
size_t smudge_bitmap_resident_bytes(const struct smudge_bitmap *bitmap)
	SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_mark - a page was written
 * @bitmap: bitmap (borrowed)
 * @page: page written, before this call; out of range is ignored
 *
 * Lock-free. Writes to no shared cache line if the page was marked since the
 * owner's last query or take: these move all marks to the owner's bits, and the
 * next mark of each page sets its bit again. Cost: one atomic OR for the page,
 * and one for each summary that is clear. Blocks: no. Threads: any number, at
 * any time.
 */
void smudge_bitmap_mark(struct smudge_bitmap *bitmap, uint64_t page)
	SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_mark_range - a range of pages was written
 * @bitmap: bitmap (borrowed)
 * @first_page, @npages: pages written, before this call; what lies outside
 *      the bitmap is ignored
 *
 * Cost: one atomic OR per word of 64 pages that lacks a bit, and one for each
 * summary that is clear.
 * Blocks: no. Threads: any number, at any time.
 */
void smudge_bitmap_mark_range(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t npages) SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_set_range - make a range dirty (owner)
 * smudge_bitmap_clear_range - make a range clean (owner)
 * @bitmap: bitmap (borrowed)
 * @first_page, @npages: range; what lies outside the bitmap is ignored
 *
 * A clear drops bits: they are in no batch, and no writer is re-armed. Blocks:
 * clear may wait for the barrier described at smudge_bitmap_take, and clears
 * nothing while there is none. Threads: owner; markers may run.
 */
void smudge_bitmap_set_range(struct smudge_bitmap *bitmap, uint64_t first_page,
			     uint64_t npages) SMUDGE_NONNULL(1);
void smudge_bitmap_clear_range(struct smudge_bitmap *bitmap,
			       uint64_t first_page, uint64_t npages)
	SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_fill - every page is dirty (owner)
 * smudge_bitmap_empty - every page is clean (owner); like clear_range
 * @bitmap: bitmap (borrowed)
 *
 * Fill sets one bit per 4096 pages and releases the memory of the owner's page
 * bits; the memory of the marks stays until the bitmap is destroyed.
 * Blocks: on madvise. Threads: owner; markers may run.
 */
void smudge_bitmap_fill(struct smudge_bitmap *bitmap) SMUDGE_NONNULL(1);
void smudge_bitmap_empty(struct smudge_bitmap *bitmap) SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_merge - OR a kernel bitmap into several bitmaps in one pass
 * @bitmaps: array of @nbitmaps bitmaps (borrowed), each large enough
 * @nbitmaps: 0 is allowed
 * @first_page: page of the bitmaps that the first bit stands for, any
 * @bits: little-endian words of 64 bits, as KVM, VFIO and vhost write them, at
 *        any alignment; readable up to the end of the 8-byte word that holds
 *        the last bit. They must not change during the call, which reads them
 *        more than once. A log that is written all the time, such as vhost's,
 *        is first moved to other memory by exchanging each word with 0
 * @first_bit: bit of @bits to begin with, any
 * @npages: number of bits; bits beyond are ignored
 *
 * Blocks: no. Threads: owner of every bitmap; markers may run.
 * Return: 0, -EINVAL (a range outside a bitmap; then nothing is changed).
 */
int smudge_bitmap_merge(struct smudge_bitmap *const *bitmaps, size_t nbitmaps,
			uint64_t first_page, const void *bits,
			uint64_t first_bit, uint64_t npages);

/*
 * smudge_bitmap_test - is the page dirty? (owner)
 * smudge_bitmap_any - is any page of the range dirty? (owner)
 * smudge_bitmap_all - is every page of the range dirty? (owner)
 * smudge_bitmap_count - how many pages of the range are dirty? (owner)
 * @bitmap: bitmap (borrowed)
 * @first_page, @npages: range; what lies outside the bitmap counts as clean
 *      for test, any and count, and is ignored by all. For an empty range
 *      any is false and all is true
 *
 * Exact to the page, whatever the summaries say. Blocks: as take. Threads:
 * owner; markers may run.
 */
bool smudge_bitmap_test(struct smudge_bitmap *bitmap, uint64_t page)
	SMUDGE_NONNULL(1);
bool smudge_bitmap_any(struct smudge_bitmap *bitmap, uint64_t first_page,
		       uint64_t npages) SMUDGE_NONNULL(1);
bool smudge_bitmap_all(struct smudge_bitmap *bitmap, uint64_t first_page,
		       uint64_t npages) SMUDGE_NONNULL(1);
uint64_t smudge_bitmap_count(struct smudge_bitmap *bitmap, uint64_t first_page,
			     uint64_t npages) SMUDGE_NONNULL(1);

/*
 * smudge_bitmap_next_dirty - the next run of dirty pages (owner)
 * smudge_bitmap_next_clean - the next run of clean pages (owner)
 * @bitmap: bitmap (borrowed)
 * @first_page: first page of the search
 * @end_page: end of the search, exclusive; clamped to the bitmap's size
 * @ret: receives the first run within [first_page, end_page)
 *
 * Blocks: as take. Threads: owner; markers may run.
 * Return: true, or false when there is none (then @ret is not written).
 */
bool smudge_bitmap_next_dirty(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret)
	SMUDGE_NONNULL(1, 4);
bool smudge_bitmap_next_clean(struct smudge_bitmap *bitmap, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret)
	SMUDGE_NONNULL(1, 4);

/*
 * smudge_bitmap_next_both - the next run of pages dirty in two bitmaps (owner)
 * @sparse, @other: bitmaps (borrowed); the cost follows the words of 64 pages
 *      that are not clean in @sparse
 * @first_page, @end_page: the pages to search; clamped to the smaller bitmap
 * @ret: receives the first run within [first_page, end_page)
 *
 * Blocks: as take. Threads: owner of both; markers may run.
 * Return: true, or false when there is none (then @ret is not written).
 */
bool smudge_bitmap_next_both(struct smudge_bitmap *sparse,
			     struct smudge_bitmap *other, uint64_t first_page,
			     uint64_t end_page, struct smudge_run *ret)
	SMUDGE_NONNULL(1, 2, 5);

/*
 * smudge_bitmap_next_block - the next block with a dirty page in it (owner)
 * @bitmap: bitmap (borrowed)
 * @block_shift: a block is 2^block_shift pages, 0 to 40
 * @first_block: first block of the search
 * @ret_block: receives the block's number, in blocks
 *
 * Cheap for the sizes of the summary levels (64, 4096, 262144... pages); exact
 * for every size. Blocks: as take. Threads: owner; markers may run.
 * Return: true, or false when no block from there on has a dirty page.
 */
bool smudge_bitmap_next_block(struct smudge_bitmap *bitmap,
			      unsigned int block_shift, uint64_t first_block,
			      uint64_t *ret_block) SMUDGE_NONNULL(1, 4);

/*
 * smudge_bitmap_take - move the dirty bits of a range into a batch (owner)
 * @bitmap: bitmap (borrowed)
 * @first_page, @npages: range; what lies outside the bitmap is ignored
 * @batch: empty batch (borrowed); receives the runs
 *
 * Takes from @first_page up to the end of the range, or until the batch is
 * full. smudge_batch_end_page says how far it came; the next call takes the
 * rest from there.
 *
 * Blocks: if there were marks, for one expedited membarrier(2), some
 * microseconds. A marker that found its bit set returned without writing; the
 * barrier makes its stores to the page visible before the page is read. If a
 * filter that was installed after the bitmap was made forbids membarrier(2),
 * for one barrier of another kind, once: milliseconds where it is a walk over
 * the processors. While there is none, pages that are taken stay dirty and are
 * taken again (docs/kernel-support.md).
 * Threads: owner; markers may run.
 * Return: 0, -EBUSY (@batch is not empty; nothing is taken).
 */
int smudge_bitmap_take(struct smudge_bitmap *bitmap, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch)
	SMUDGE_NONNULL(1, 4);

/*
 * smudge_bitmap_return - put a taken batch back (owner)
 * @bitmap: the bitmap it was taken from (borrowed)
 * @batch: its pages are dirty again; the batch is empty afterwards. A batch
 *      of smudge_client_take is left alone: smudge_client_return returns it
 *
 * Blocks: no. Threads: owner; markers may run.
 */
void smudge_bitmap_return(struct smudge_bitmap *bitmap,
			  struct smudge_batch *batch) SMUDGE_NONNULL(1, 2);

/*
 * smudge_bitmap_variant - the vector kernels in use: "scalar", "avx2", "avx512"
 *      or "neon"; the best ones this processor has, unless the environment
 *      variable SMUDGE_BITMAP_VARIANT names others that it has. A program that
 *      runs with more privileges than its caller does not read the variable
 *      (secure_getenv(3))
 *
 * Blocks: no. Threads: any.
 */
const char *smudge_bitmap_variant(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
