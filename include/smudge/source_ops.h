/* SPDX-License-Identifier: MIT */
/*
 * Sources of the program's own: the operations that the library calls, and the
 * calls by which they report.
 *
 * Not yet stable: operations may be added at the end of the struct, whose size
 * says which a program has.
 *
 * LOCKS. memory's lock, then a region's lock, then whatever the source has of
 * its own. An operation is called with the region's lock held, sometimes with
 * the memory's too, never with those of two regions. Hence the operations of
 * one source run one at a time, while those of sources of other regions may run
 * at the same time on other threads. No operation may wait for a thread that
 * harvests, takes, opens or closes a client, or attaches or detaches a source,
 * or may be about to; and none may call the library, except smudge_sink_*,
 * smudge_error_*, smudge_batch_* on the batch it was given, smudge_hub_post,
 * and marks (smudge_region_mark, smudge_memory_mark_gpa), which take no lock.
 *
 * THREADS. The operations run on the thread that called the library: one that
 * harvests, looks, takes, opens or closes a client, attaches, detaches or
 * destroys a source, or removes or resizes a region. The library has no threads
 * of its own.
 *
 * LIFE. attach; then start and stop in turns, as the first client of the region
 * opens and the last one closes; detach, which is a last harvest and a stop;
 * destroy. Between start and stop: any number of harvests, looks and re-arms,
 * and grow and shrink as the region is resized. A region that is removed
 * detaches its sources. Sources of one region are
 * started in any order, and if one fails those that were started are stopped.
 *
 * WHAT MUST NOT BE LOST. A write that ended before a harvest began is reported
 * by it, unless an earlier one reported it. (A mechanism that keeps detected
 * writes elsewhere for a while, such as a processor's own log, may be late. It
 * says so, and its users harvest once more after the writers have stopped.)
 * What a source reports is dirty for every client before the harvest ends, and
 * the page may be read from then on. So a page must be re-armed before its
 * content is read: by the harvest itself before it returns, or by rearm.
 * Reporting a page that was not written is allowed; a missed write is not.
 *
 * A LOOK, A QUIESCED HARVEST. A region has a policy: each harvest re-arms, or
 * only quiesced ones do, which the program calls while no I/O into pinned pages
 * is in flight. Then every other harvest is a look. A source sees only look and
 * harvest: a page that a look reported is reported again by each look and by
 * the next harvest, whatever the source did to its writer meanwhile.
 */
#ifndef SMUDGE_SOURCE_OPS_H
#define SMUDGE_SOURCE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "batch.h"
#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_source;
struct smudge_sink;

/* The range that a source is started for; valid until it is stopped. */
struct smudge_source_range {
	void *hva;		 /* of the first page it covers, or NULL */
	uint64_t gpa;		 /* of the first page it covers */
	uint64_t first_page;	 /* of the region, in the region's pages */
	uint64_t npages;	 /* in the region's pages */
	unsigned int page_shift; /* the region's */
};

/*
 * Each is called with the opaque pointer given at creation, under the locks
 * listed above; destroy without a lock.
 *
 * They return 0 or -errno, and say what failed in @err, which is never NULL and
 * holds nothing yet. Any other value, and -EOWNERDEAD, which only a migration
 * may return, is a failure too: -EIO, with a sentence that has the value.
 */
struct smudge_source_ops {
	size_t size;	  /* sizeof(struct smudge_source_ops); operations
			     beyond it count as NULL */
	const char *name; /* for messages and statistics */
	/*
	 * Begin to watch. Everything is dirty for the clients at this time.
	 * After a failure the source is not stopped.
	 */
	int (*start)(void *opaque, const struct smudge_source_range *range,
		     struct smudge_error *err);
	/* Stop watching; cannot fail. What was not harvested is dropped. */
	void (*stop)(void *opaque);
	/*
	 * Report what was written since the last harvest, with smudge_sink_*.
	 * On error the whole range becomes dirty.
	 */
	int (*harvest)(void *opaque, struct smudge_sink *sink,
		       struct smudge_error *err);
	/*
	 * Detect the next write to each page of @batch (pages of the region,
	 * some perhaps outside the source's range), before its content is read.
	 * The batch may hold pages that were not reported, and that of a
	 * quiesced harvest holds all of the range: what was written to such a
	 * page must be reported all the same. NULL when the harvest re-arms.
	 */
	int (*rearm)(void *opaque, const struct smudge_batch *batch,
		     struct smudge_error *err);
	/* Free @opaque; called by smudge_source_destroy. May be NULL. */
	void (*destroy)(void *opaque);
	/*
	 * Report what was written since it was last re-armed, and leave it as
	 * it is: each look and the next harvest report it again. A source that
	 * has a rearm also reports a page to each look and harvest from its
	 * write until a rearm had it, for takes re-arm nothing after a look. On
	 * error the whole range becomes dirty. NULL when the source cannot
	 * report without re-arming, also for a struct whose size ends before
	 * it: smudge_memory_look and clients with SMUDGE_REARM_QUIESCED are
	 * refused then.
	 */
	int (*look)(void *opaque, struct smudge_sink *sink,
		    struct smudge_error *err);
	/*
	 * The source was attached to the region's end, which has moved between
	 * a start and its stop. @range is the whole range now: it begins where
	 * it did, and has another npages. Offsets in reports stay.
	 *
	 * grow: begin to watch the new pages too. All of them are dirty for the
	 * clients at this time. After a failure watch the old range as before.
	 * shrink: cannot fail. The pages that go are still mapped; what was not
	 * harvested of them is dropped. It also undoes a grow, when another
	 * source cannot watch the new pages.
	 *
	 * Both or none. Without them the region cannot be resized while the
	 * source is attached to its end.
	 */
	int (*grow)(void *opaque, const struct smudge_source_range *range,
		    struct smudge_error *err);
	void (*shrink)(void *opaque, const struct smudge_source_range *range);
};

/*
 * smudge_source_create - a source of the program's own
 * @ops: copied; name is borrowed for the source's life
 * @opaque: passed to every operation
 * @ret: receives the source, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (name, start, stop or harvest is NULL, one of grow and
 * shrink is, or size is below the first version's), -E2BIG (ops has fields that
 * this library does not know), -ENOMEM.
 */
int smudge_source_create(const struct smudge_source_ops *ops, void *opaque,
			 struct smudge_source **ret,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 3);

/*
 * smudge_sink_bitmap - report pages as a kernel bitmap, from a harvest or look
 * @sink: as given to the operation
 * @first_page: source page, counted from the start of the source's range,
 *      that the first bit stands for
 * @bits, @first_bit: as for smudge_bitmap_merge
 * @npages: number of bits; those beyond the range are ignored
 * @page_shift: size of the source's pages, at most 63; it may differ from the
 *      region's: larger pages are expanded, smaller ones combined
 *
 * Blocks: no. Threads: the operation's.
 */
void smudge_sink_bitmap(struct smudge_sink *sink, uint64_t first_page,
			const void *bits, uint64_t first_bit, uint64_t npages,
			unsigned int page_shift) SMUDGE_NONNULL(1);

/*
 * smudge_sink_range - report a run of bytes, from a harvest or look
 * @sink: as given to the operation
 * @offset_bytes: from the start of the source's range
 * @length_bytes: every page it touches becomes dirty
 *
 * Blocks: no. Threads: the operation's.
 */
void smudge_sink_range(struct smudge_sink *sink, uint64_t offset_bytes,
		       uint64_t length_bytes) SMUDGE_NONNULL(1);

/*
 * smudge_sink_dropped - report a run of bytes whose content was dropped, from a
 *      harvest or look
 * @sink, @offset_bytes, @length_bytes: as for smudge_sink_range
 * @is_sure: false when the content may be there still, so that the report may
 *      be needless; the statistics count the two apart
 *
 * Blocks: no. Threads: the operation's.
 */
void smudge_sink_dropped(struct smudge_sink *sink, uint64_t offset_bytes,
			 uint64_t length_bytes, bool is_sure) SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
