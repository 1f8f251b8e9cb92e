/* SPDX-License-Identifier: MIT */
/*
 * Which translated code is stale?
 *
 * A translator turns guest code into host code and keeps it. It sees its own
 * stores, but not the writes of others: devices, a debugger, an incoming
 * migration, a rollback. It tells smudge where its blocks come from; before
 * guest code runs again it asks which ranges were written since, and drops
 * the blocks that touch them.
 *
 *	do {
 *		since = smudge_code_now(code);
 *		n = translate(gpa, block);
 *		r = smudge_code_add(code, gpa, n, since, &err);
 *	} while (r == -EAGAIN);
 *	if (r < 0)
 *		drop(block);
 *	...
 *	while ((n = smudge_code_stale(code, ranges, NRANGES)) > 0)
 *		drop_touching(ranges, n);
 *
 * NO STALE BLOCK SURVIVES. A page is watched from the add that finds that it
 * is not: a write that ended before that is in the bytes that are read from
 * then on, a later one makes the page stale. @since is a time before the
 * block's bytes were read. If one of its pages was not watched all the time
 * since then, because this is its first block, or another thread's block or
 * stale range came in between, add says -EAGAIN and the bytes are read again.
 * Blocks may be added late, in rows, and by several threads; a block is put
 * where drop_touching finds it before it is added.
 *
 * Writers mark what they wrote, after they wrote it (smudge_region_mark), or
 * are seen by a source: then harvest before asking. examples/toy_translator.c
 * is a translator of a page.
 *
 * How it watches: in the bits of an ordinary client a page without code is
 * dirty. A mark of it finds its bit set, and that is all it costs. Only the
 * pages of blocks are taken, so only for them a source is armed.
 */
#ifndef SMUDGE_CODE_H
#define SMUDGE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	size_t nregions;		      /* 0: those there are now */
	/*
	 * Hear marks only, as in struct smudge_client_options: for a
	 * translator that sees its vCPUs' stores itself, when all other
	 * writers mark.
	 */
	bool marks_only;
};

/*
 * smudge_code_open - begin, with no code
 * @memory: memory (borrowed; not destroyed while it has a region of the
 *      handle)
 * @options: copied
 * @ret: receives the handle, closed by smudge_code_close
 * @err: receives the first failure; may be NULL
 *
 * The regions are held until the close, so that their removal is refused. A
 * region costs nothing else before the first block in it: its client is
 * opened then.
 * Blocks: on the memory's lock. Threads: any.
 * State after failure: nothing happened.
 * Return: 0, -EINVAL (options, a region named twice), -ENOMEM. That a region is
 * of another memory shows at the first block in it.
 */
int smudge_code_open(struct smudge_memory *memory,
		     const struct smudge_code_options *options,
		     struct smudge_code **ret, struct smudge_error *err);

/*
 * smudge_code_close - stop watching and free everything
 * @code: may be NULL; invalid afterwards
 *
 * Blocks: as smudge_client_close. Threads: no other call may use @code.
 */
void smudge_code_close(struct smudge_code *code);

/*
 * smudge_code_now - a time, for smudge_code_add
 * @code: handle (borrowed)
 *
 * Blocks: on the handle's lock. Threads: any.
 */
uint64_t smudge_code_now(struct smudge_code *code);

/*
 * smudge_code_add - a block was translated
 * @code: handle (borrowed)
 * @gpa, @length_bytes: the guest code it was made from; at least one byte, in
 *      one region, in at most two pages (add a longer one in pieces)
 * @since: what smudge_code_now said before the first byte was read, or
 *      UINT64_MAX when nobody can have written since then
 * @err: receives the first failure; may be NULL. -EAGAIN is none
 *
 * A block that is added twice counts twice. Cost in a page that is watched
 * already: a lock and a test.
 * Blocks: in a page that is not watched as smudge_client_take, and for the
 * first block of a region as smudge_client_open. Threads: any.
 * State after failure: the block does not count; its pages may be watched.
 * Return: 0, -EAGAIN (a page was not watched since @since; it is watched now:
 * read the code again and add the block again), -EINVAL (the range), -ENOMEM,
 * -EIO (a source could not be re-armed) or the error of a source's start.
 * After any error the block must not be kept as it is.
 */
int smudge_code_add(struct smudge_code *code, uint64_t gpa,
		    uint64_t length_bytes, uint64_t since,
		    struct smudge_error *err);

struct smudge_code_range {
	uint64_t gpa;	       /* whole pages of one region */
	uint64_t length_bytes; /* the same */
	uint64_t nblocks;      /* added blocks that touch them */
};

/*
 * smudge_code_stale - which code was written since it was added?
 * @code: handle (borrowed)
 * @ranges: array of @max to fill
 * @max: at least 1; while the result equals @max there may be more
 *
 * The caller drops every block that touches a range before guest code runs
 * again; the ranges stop being watched. It knows what was marked, or
 * harvested, and does not harvest.
 * Cost when nothing is stale: two uncontended locks a region with code, and
 * a word for each 64 pages that hold some.
 * Blocks: on the region's lock; for one membarrier(2) if marks were found.
 * Threads: any.
 * Return: how many were filled in; 0 means no block is stale.
 */
size_t smudge_code_stale(struct smudge_code *code,
			 struct smudge_code_range *ranges, size_t max);

/*
 * smudge_code_forget - the translator dropped blocks on its own
 * @code: handle (borrowed)
 * @gpa, @length_bytes: it has no block any more that touches a page of this
 *      range; what lies in no region is ignored, (0, UINT64_MAX) is all
 *
 * Pages that hold no code any more stop being watched.
 * Blocks: on the region's lock. Threads: any.
 */
void smudge_code_forget(struct smudge_code *code, uint64_t gpa,
			uint64_t length_bytes);

/*
 * smudge_code_watches - is the page of this address watched?
 *
 * Blocks: on the handle's lock. Threads: any.
 */
bool smudge_code_watches(struct smudge_code *code, uint64_t gpa);

/* Totals since the open, but for the first four. */
struct smudge_code_stats {
	size_t size;		/* set by the caller: sizeof */
	uint64_t watched_pages; /* now */
	uint64_t blocks;	/* now: added, not stale, not forgotten */
	uint64_t bitmap_bytes;	/* now: of its clients, as part of those in
				   smudge_memory_stats */
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
int smudge_code_stats(struct smudge_code *code,
		      struct smudge_code_stats *stats);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
