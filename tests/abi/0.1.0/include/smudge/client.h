/* SPDX-License-Identifier: MIT */
/*
 * A client: a purpose that wants to know which pages were written.
 *
 * Every client has bits of its own: a page that one takes stays dirty for the
 * others. A client begins with every page dirty, since it is unknown what was
 * written before it opened. To begin clean, call smudge_client_skip.
 *
 * The life of a batch: take (bits cleared, writers re-armed), read the
 * pages, then commit, or return when the pages could not be used. A write
 * that lands while a page is being read is dirty again in the next harvest.
 */
#ifndef SMUDGE_CLIENT_H
#define SMUDGE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "batch.h"
#include "bitmap.h"
#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_client;

struct smudge_client_options {
	size_t size; /* sizeof(struct smudge_client_options) */
	/*
	 * For messages; required, at most 31 bytes. Several clients may have
	 * the same name: messages call the second one that is open "name#2".
	 */
	const char *name;
	struct smudge_region *const *regions; /* regions to watch, copied */
	size_t nregions; /* 0: every region, those added later included */
	/*
	 * Receive marks only: no source is started, harvested or re-armed for
	 * this client. For a client that knows of all other writes by other
	 * means. For a caller whose struct ends before this field, it is false.
	 */
	bool marks_only;
	/*
	 * SMUDGE_REARM_QUIESCED: while this client is open, only a quiesced
	 * harvest re-arms the regions it watches, whichever client harvests
	 * (memory.h, PINNED I/O). For a client that must not lose what I/O
	 * into pinned pages writes. When sources were armed outside of a
	 * quiesced harvest (by their start, or under the other policy), I/O
	 * in flight at that time may land undetected: each look or harvest
	 * makes all of the client's pages dirty, up to and including the
	 * first quiesced harvest. To begin with as few dirty pages as
	 * possible, open the client, harvest quiesced, and take or skip, in
	 * this order. Every source of its regions must have a look.
	 */
	enum smudge_rearm_policy rearm_policy;
};

/*
 * smudge_client_open - begin to watch; every page is dirty at first
 * @memory: memory (borrowed; not destroyed while the client is open)
 * @options: copied
 * @ret_client: receives the client, closed by smudge_client_close
 * @err: receives the first failure; may be NULL
 *
 * Allocates the client's bitmaps, starts the sources of regions that no client
 * watched before, and waits until every mark under way knows the client.
 * Blocks: on the locks, the sources' start and an RCU grace period.
 * Threads: any.
 * State after failure: as before the call; sources that it started are stopped.
 * Return: 0, -EINVAL (options; a region of another memory), -E2BIG (the options
 * have fields that this library does not know), -EOPNOTSUPP
 * (SMUDGE_REARM_QUIESCED, and a source of a region has no look; the error names
 * it), -EPERM (in a child of fork: memory.h), -ENOMEM, or the error of the
 * source that could not be started
 * (-EIO if it returned a value that it may not return).
 */
int smudge_client_open(struct smudge_memory *memory,
		       const struct smudge_client_options *options,
		       struct smudge_client **ret_client,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

/*
 * smudge_client_close - stop watching
 * @client: may be NULL; invalid afterwards, unless -EBUSY
 *
 * Frees its bitmaps; stops the sources of regions that no client watches then.
 * Blocks: on the locks, the sources' stop and an RCU grace period.
 * Threads: no other call may use @client.
 * Return: 0, -EBUSY (a batch is neither committed nor returned), -EPERM (in a
 * child).
 */
int smudge_client_close(struct smudge_client *client);

/*
 * smudge_client_take - move a range of the client's dirty bits into a batch
 *      and re-arm their writers
 * @client: open client (borrowed)
 * @region: a region the client watches
 * @first_page, @npages: range in pages of the region
 * @batch: receives the taken pages; must be empty
 * @err: receives the first failure; may be NULL
 *
 * Stops early if the batch is full; the caller takes the rest from
 * smudge_batch_end_page on. After a look, and while a client is open with
 * SMUDGE_REARM_QUIESCED, it re-arms nothing: the pages are reported again
 * (memory.h).
 * Blocks: on the region's lock; one kernel call for each 2^18 pages of the host
 * that hold taken pages, none for sources that re-arm as they harvest; one
 * membarrier(2) if marks were found. If that is refused after the client was
 * opened, and no other barrier works, the pages taken stay dirty and are taken
 * again (kept_pages of smudge_memory_stats).
 * Threads: one taker per client and region; writers may run.
 * Guarantee: a write that ended before this call began, and was harvested or
 * marked, is in the batch or still in the client.
 * State after failure: the client's bits as before the call.
 * Return: 0, -EINVAL (range outside the region, region not watched), -EBUSY
 * (batch not empty), -EIO (a source could not be re-armed), -EPERM (in a
 * child).
 */
int smudge_client_take(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, struct smudge_batch *batch,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 5);

/*
 * smudge_client_take_next - take the next dirty pages of a range: skip clean
 *      ones, move a limited number into a batch and re-arm their writers
 * @client: open client (borrowed)
 * @region: a region the client watches
 * @rest: the range to take from, in pages of the region; receives the part of
 *      it that the next call takes from
 * @max_pages: pages to take at most, in pages of the region; not 0.
 *      UINT64_MAX: as many as the batch holds
 * @batch: receives the taken pages; must be empty
 * @err: receives the first failure; may be NULL
 *
 * The loop over all dirty pages of a region, each taken once:
 *
 *	struct smudge_run rest = {0, smudge_region_npages(region)};
 *
 *	while ((ret = smudge_client_take_next(client, region, &rest, 1024,
 *					      batch, &err)) > 0) {
 *		... read the batch's pages ...
 *		smudge_client_commit(client, batch);
 *	}
 *
 * It ends after a number of dirty pages, where smudge_client_take ends after a
 * number of pages, so the content of a batch is bounded wherever its pages are.
 * It skips to the first dirty page of @rest and takes up to the end of @rest,
 * or stops early: at @max_pages, where the batch is full, or 2^34 bytes of the
 * region after the first page taken. It re-arms, or leaves unarmed, what
 * smudge_client_take would.
 *
 * @rest only moves forward, so the loop ends, also while writers run and while
 * takes leave pages dirty (kept_pages of smudge_memory_stats). Pages before
 * @rest that are marked, or put back by smudge_client_return, are for the next
 * loop. Pages in @rest that are marked meanwhile may be taken by this one.
 *
 * Blocks: on the region's lock; for a source that re-arms as pages are taken,
 * one kernel call for each 2^18 pages of the host that hold taken pages, so at
 * most 17 with pages of 4 KiB; one membarrier(2) if marks were found, as for
 * smudge_client_take. An empty @rest does not block.
 * Threads: one taker per client and region; writers may run.
 * Guarantee: a write to a page of @rest that ended before this call began, and
 * was harvested or marked, is in the batch or still in the client.
 * State after failure: the client's bits, @rest and @batch as before the call.
 * Return: 1 (the batch has pages), 0 (no page of @rest was dirty: @rest is
 * empty now, the batch is empty still), -EINVAL (range outside the region,
 * @max_pages 0, region not watched), -EBUSY (batch not empty), -EIO (a source
 * could not be re-armed), -EPERM (in a child).
 */
int smudge_client_take_next(struct smudge_client *client,
			    struct smudge_region *region,
			    struct smudge_run *rest, uint64_t max_pages,
			    struct smudge_batch *batch,
			    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3, 5);

/*
 * smudge_client_commit - end a batch whose pages are safely owned
 * smudge_client_return - end a batch whose pages are not: put its bits back
 * @client: the client that the batch was taken from (borrowed)
 * @batch: empty afterwards; an empty batch is a no-op
 *
 * Blocks: return on the region's lock, commit never. Threads: as take.
 * Return: 0, -EINVAL (the batch was not taken from @client; unchanged).
 */
int smudge_client_commit(struct smudge_client *client,
			 struct smudge_batch *batch) SMUDGE_NONNULL(1, 2);
int smudge_client_return(struct smudge_client *client,
			 struct smudge_batch *batch) SMUDGE_NONNULL(1, 2);

/*
 * smudge_client_skip - take a range and commit it unread: only pages written
 *      later become dirty, and, while takes re-arm nothing (see
 *      smudge_client_take), pages that are reported again
 * @client, @region, @first_page, @npages, @err: as for smudge_client_take
 *
 * Blocks: as take. Threads: as take.
 * State after failure: the pages before the failed one (the error's page) are
 * clean.
 * Return: 0, -EINVAL, -EIO, -EPERM as take, -ENOMEM.
 */
int smudge_client_skip(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, struct smudge_error *err)
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_client_mark - make a range dirty for this client only
 * @client: open client (borrowed)
 * @region: a region the client watches
 * @first_page, @npages: range; the part outside the region is ignored
 *
 * Blocks: on the region's lock. Threads: any.
 * Return: 0, -EINVAL (region not watched).
 */
int smudge_client_mark(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages) SMUDGE_NONNULL(1, 2);

/*
 * smudge_client_test - is the page dirty for this client?
 * smudge_client_any, _all - is some page of the range, is every page?
 * smudge_client_count - how many pages of the range are dirty?
 * @client: open client (borrowed)
 * @region: a region the client watches; for another the answer is false, or 0
 * @first_page, @npages: range in pages of the region, as for smudge_bitmap_*
 *
 * The answers cover what was harvested or marked; these calls do not harvest.
 * Blocks: on the region's lock. Threads: any.
 */
bool smudge_client_test(struct smudge_client *client,
			struct smudge_region *region, uint64_t page)
	SMUDGE_NONNULL(1, 2);
bool smudge_client_any(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages) SMUDGE_NONNULL(1, 2);
bool smudge_client_all(struct smudge_client *client,
		       struct smudge_region *region, uint64_t first_page,
		       uint64_t npages) SMUDGE_NONNULL(1, 2);
uint64_t smudge_client_count(struct smudge_client *client,
			     struct smudge_region *region, uint64_t first_page,
			     uint64_t npages) SMUDGE_NONNULL(1, 2);

/*
 * smudge_client_next_dirty, smudge_client_next_clean - the next run
 * @client: open client (borrowed)
 * @region: a region the client watches
 * @first_page, @end_page: where to look, end exclusive
 * @ret_run: receives the run
 *
 * Blocks: on the region's lock. Threads: any.
 * Return: true, or false when there is none or the region is not watched.
 */
bool smudge_client_next_dirty(struct smudge_client *client,
			      struct smudge_region *region, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret_run)
	SMUDGE_NONNULL(1, 2, 5);
bool smudge_client_next_clean(struct smudge_client *client,
			      struct smudge_region *region, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret_run)
	SMUDGE_NONNULL(1, 2, 5);

/*
 * smudge_client_next_both - the next run of pages that are dirty and in a mask
 * @client: open client (borrowed)
 * @region: a region the client watches
 * @mask: the caller's own bitmap of the region's pages (borrowed); the caller
 *      is its owner, and no other thread uses it during the call
 * @first_page, @end_page: where to look, end exclusive
 * @ret_run: receives the run
 *
 * The cost depends on the words of 64 pages that have a page of the mask, not
 * on the number of dirty pages. Blocks: on the region's lock. Threads: any, one
 * at a time for each @mask.
 * Return: true, or false when there is none or the region is not watched.
 */
bool smudge_client_next_both(struct smudge_client *client,
			     struct smudge_region *region,
			     struct smudge_bitmap *mask, uint64_t first_page,
			     uint64_t end_page, struct smudge_run *ret_run)
	SMUDGE_NONNULL(1, 2, 3, 6);

/*
 * smudge_client_dirty_pages - how many pages are dirty, of all regions that the
 *      client watches
 * @client: open client (borrowed)
 *
 * Blocks: on the locks. Threads: any.
 */
uint64_t smudge_client_dirty_pages(struct smudge_client *client)
	SMUDGE_NONNULL(1);

/*
 * smudge_client_bitmap_bytes - the memory that the client's bitmaps use now:
 * its part of the bitmap_bytes in smudge_memory_stats
 * @client: open client (borrowed)
 *
 * Blocks: on the memory's lock and mincore(2). Threads: any.
 */
uint64_t smudge_client_bitmap_bytes(struct smudge_client *client)
	SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
