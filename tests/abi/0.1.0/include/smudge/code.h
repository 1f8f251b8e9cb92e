/* SPDX-License-Identifier: MIT */
/*
 * Which translated code is stale?
 *
 * A translator turns guest code into host code and keeps it. It sees its own
 * stores, but not the writes of others: devices, a debugger, an incoming
 * migration, a rollback. It tells smudge which addresses its blocks come from.
 * Before guest code runs again it asks which ranges were written since, and
 * drops the blocks that touch them.
 *
 *	do {
 *		since = smudge_code_now(code);
 *		n = translate(gpa, block);
 *		ret = smudge_code_add(code, gpa, n, since, &err);
 *	} while (ret == -EAGAIN);
 *	if (ret < 0)
 *		drop(block);
 *	...
 *	while ((n = smudge_code_stale(code, ranges, NRANGES)) > 0)
 *		drop_touching(ranges, n);
 *
 * NO STALE BLOCK SURVIVES. The first smudge_code_add in a page begins to watch
 * it. A write that ended before that is in the bytes that are read afterwards;
 * a later write makes the page stale. @since is a time before the block's bytes
 * were read. If one of its pages was not watched all the time since then
 * (because this is the first block in it, or because another thread's block or
 * stale range came in between), smudge_code_add returns -EAGAIN, and the bytes
 * must be read again. Blocks may be added late, several in a row, and by
 * several threads. A block must be where drop_touching finds it before it is
 * added.
 *
 * Writers mark what they wrote, after they wrote it (smudge_region_mark), or a
 * source detects their writes: then harvest before smudge_code_stale.
 * examples/toy_translator.c is a translator in one page.
 *
 * How pages are watched: the handle is an ordinary client in which a page
 * without code stays dirty. A mark of such a page finds its bit set and has
 * nothing to do. Only pages with blocks are taken, so sources are armed for
 * these only.
 */
#ifndef SMUDGE_CODE_H
#define SMUDGE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_code;

struct smudge_code_options {
	size_t size;	  /* sizeof(struct smudge_code_options) */
	const char *name; /* of its clients, at most 31 bytes; NULL: "code" */
	struct smudge_region *const *regions; /* copied */
	size_t nregions;		      /* 0: all of the memory's */
	/*
	 * The clients receive marks only, as in struct
	 * smudge_client_options: for a translator that sees its vCPUs' stores
	 * itself, when all other writers mark.
	 */
	bool marks_only;
};

/*
 * smudge_code_open - open a handle that has no code yet
 * @memory: memory (borrowed; not destroyed while it has a region of the
 *      handle)
 * @options: copied
 * @ret_code: receives the handle, closed by smudge_code_close
 * @err: receives the first failure; may be NULL
 *
 * The regions are held until the close: removing one fails with -EBUSY. A
 * region costs nothing else before its first block, which opens its client.
 * Blocks: on the memory's lock. Threads: any.
 * State after failure: nothing happened.
 * Return: 0, -EINVAL (options, a region named twice), -E2BIG (the options have
 * fields that this library does not know), -ENOMEM. A region of another memory
 * is not detected here; the first smudge_code_add() in it fails.
 */
int smudge_code_open(struct smudge_memory *memory,
		     const struct smudge_code_options *options,
		     struct smudge_code **ret_code,
		     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

/*
 * smudge_code_close - stop watching and free everything
 * @code: may be NULL; invalid afterwards
 *
 * Blocks: as smudge_client_close. Threads: no other call may use @code.
 */
void smudge_code_close(struct smudge_code *code);

/*
 * smudge_code_now - the present time, for smudge_code_add
 * @code: handle (borrowed)
 *
 * Blocks: on the handle's lock. Threads: any.
 */
uint64_t smudge_code_now(struct smudge_code *code) SMUDGE_NONNULL(1);

/*
 * smudge_code_add - add a block that was translated
 * @code: handle (borrowed)
 * @gpa, @length_bytes: the guest code it was made from; at least one byte, in
 *      one region, in at most two pages (add a longer block in pieces)
 * @since: what smudge_code_now returned before the first byte was read, or
 *      UINT64_MAX if no write can have happened since then
 * @err: receives the first failure; may be NULL. -EAGAIN is no failure
 *
 * A block that is added twice counts twice. Cost in a page that is watched
 * already: one lock and one test.
 * Blocks: as smudge_client_take in a page that is not watched, and as
 * smudge_client_open for the first block of a region. Threads: any.
 * State after failure: the block does not count; its pages may be watched.
 * Return: 0, -EAGAIN (a page was not watched since @since; it is watched now:
 * read the code again and add the block again), -EINVAL (the range), -ENOMEM,
 * -EIO (a source could not be re-armed), -EPERM (in a child of fork: memory.h),
 * or the error of a source's start. After any error do not keep the block as it
 * is.
 */
int smudge_code_add(struct smudge_code *code, uint64_t gpa,
		    uint64_t length_bytes, uint64_t since,
		    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

struct smudge_code_range {
	uint64_t gpa;	       /* of the first page, all in one region */
	uint64_t length_bytes; /* whole pages */
	uint64_t nblocks;      /* added blocks that touch them */
};

/*
 * smudge_code_stale - find the code that was written since it was added
 * @code: handle (borrowed)
 * @ranges: receives at most @max ranges
 * @max: at least 1; while the result equals @max there may be more
 *
 * The caller must drop every block that touches a range before guest code runs
 * again; the ranges are not watched any more. This call sees what was marked
 * or harvested; it does not harvest.
 * Cost when nothing is stale: two uncontended locks per region with code, and
 * one word per 64 pages that hold code.
 * Blocks: on the region's lock; for one membarrier(2) if marks were found.
 * Threads: any.
 * Return: how many ranges were filled in; 0 means no block is stale.
 */
size_t smudge_code_stale(struct smudge_code *code,
			 struct smudge_code_range *ranges,
			 size_t max) SMUDGE_MUST_CHECK SMUDGE_NONNULL(1);

/*
 * smudge_code_forget - stop watching pages whose blocks the translator dropped
 * @code: handle (borrowed)
 * @gpa, @length_bytes: the translator has no block any more that touches a page
 *      of this range; addresses in no region are ignored, (0, UINT64_MAX) is
 *      everything
 *
 * Blocks: on the region's lock. Threads: any.
 */
void smudge_code_forget(struct smudge_code *code, uint64_t gpa,
			uint64_t length_bytes) SMUDGE_NONNULL(1);

/*
 * smudge_code_watches - test whether the page of an address is watched
 * @code: handle (borrowed)
 * @gpa: the address
 *
 * Blocks: on the handle's lock. Threads: any.
 */
bool smudge_code_watches(struct smudge_code *code, uint64_t gpa)
	SMUDGE_NONNULL(1);

/* The first four are of the moment, the others totals since the open. */
struct smudge_code_stats {
	size_t size;		/* set by the caller: sizeof */
	uint64_t watched_pages; /* now */
	uint64_t blocks;	/* now: added, not stale, not forgotten */
	uint64_t bitmap_bytes;	/* now: its clients' bitmaps, which are in
				   smudge_memory_stats too */
	uint64_t nclients;	/* now: regions with code */
	uint64_t added_blocks;
	uint64_t stale_calls;
	uint64_t stale_pages;
	uint64_t stale_blocks;
	uint64_t forgotten_blocks;
};

/*
 * smudge_code_stats - read the statistics
 * @code: handle (borrowed)
 * @stats: size is set by the caller; fields beyond it are not written
 *
 * Blocks: on the memory's lock and mincore(2). Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_code_stats(struct smudge_code *code, struct smudge_code_stats *stats)
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
