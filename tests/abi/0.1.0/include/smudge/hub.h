/* SPDX-License-Identifier: MIT */
/*
 * A hub: one mechanism that detects writes for several sources.
 *
 * KVM's dirty ring is one: each virtual CPU has a ring, and an entry names a
 * page of any memory slot. A hardware's page log is another, or a daemon that
 * reports pages of all its guests. Each source of a hub is attached to a range
 * of its own, in any region of any memory, and is started, harvested and
 * stopped on its own. The hub keeps a bitmap per running source of what was
 * detected and not harvested yet (pending), so draining the mechanism for one
 * region loses nothing of the others.
 *
 * COLLECTING. Each harvest or look of a source collects first: the hub calls
 * the collect operation, which drains the mechanism, re-arms the writers, and
 * posts what it found, for all sources. The program may ask for it too, from
 * any thread (smudge_hub_collect): a virtual CPU whose ring is full cannot
 * continue until the ring is drained.
 *
 *	RE-ARM, THEN POST. A page that was posted may be handed to a client and
 *	read at once. So collect re-arms it first: copy some entries, reset
 *	them, post the copies. A page that is posted before it was re-armed may
 *	be read, written undetected, and then re-armed: that write is lost.
 *
 *	for each ring, until it is empty or was drained once around:
 *		copy a few entries, and flag them for a reset
 *		reset what is flagged, in ring order
 *		for each copy:
 *			smudge_hub_post(member_of[copy.slot], copy.offset, 1)
 *
 * A HARVEST reports the pending pages and empties the bitmap, so the source
 * needs no rearm. A LOOK reports them and keeps them: the next look or harvest
 * reports them again. Collecting for a look re-arms too. That is harmless: I/O
 * into pinned pages may then write undetected, but its pages stay pending until
 * the quiesced harvest.
 *
 * A FAILURE of collect means that any page may have been written. The harvest,
 * look or call that collected returns it. All pages of every running source
 * become pending, and once more when a collect succeeds again: between the two,
 * writers may not have been armed.
 *
 * LOCKS. The hub's lock comes last: after memory's and region's. It is held
 * during collect, start, stop and nothing else, so these run one at a time,
 * and a thread that collects waits for a drain, never for a harvest's merge, a
 * client or another memory. None of them may wait for a thread that collects,
 * or is about to. smudge_hub_post takes no lock.
 *
 * ORDER OF DESTRUCTION. A source stays usable after smudge_hub_destroy; the
 * last one frees the hub. Collecting by the program ends before
 * smudge_hub_destroy, and posts to a source by the program's own threads
 * before its destruction.
 */
#ifndef SMUDGE_HUB_H
#define SMUDGE_HUB_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "source_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_hub;
/* A source's place in its hub, for posts to it. */
struct smudge_hub_member;

/*
 * @opaque is that of the hub, @member_opaque that of the source. Failures are
 * those of struct smudge_source_ops.
 */
struct smudge_hub_ops {
	size_t size;	  /* sizeof(struct smudge_hub_ops) */
	const char *name; /* of all its sources, for messages and statistics */
	/*
	 * Drain the mechanism of everything that was written before the call,
	 * re-arm, then post. What is no running source's is dropped.
	 */
	int (*collect)(void *opaque, struct smudge_error *err);
	/*
	 * Begin to detect in the range of one source, and stop. Others of the
	 * hub may run. What is posted from within start is kept; what was
	 * written before it need not be. Entries of an earlier run may still be
	 * in the mechanism, and are posted like others. Both may be NULL.
	 */
	int (*start)(void *opaque, void *member_opaque,
		     const struct smudge_source_range *range,
		     struct smudge_error *err);
	void (*stop)(void *opaque, void *member_opaque);
	/* A source is being destroyed; it is stopped. No lock. May be NULL. */
	void (*leave)(void *opaque, void *member_opaque);
	/* The hub has no owner and no source any more. No lock. May be NULL. */
	void (*destroy)(void *opaque);
};

/*
 * smudge_hub_create - a hub without sources
 * @ops: copied; name is borrowed for the hub's life
 * @opaque: passed to every operation
 * @ret: receives the hub, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (name or collect is NULL, or size is below the first
 * version's), -E2BIG (ops has fields that this library does not know), -ENOMEM.
 */
int smudge_hub_create(const struct smudge_hub_ops *ops, void *opaque,
		      struct smudge_hub **ret,
		      struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 3);

/*
 * smudge_hub_destroy - drop the hub
 * @hub: may be NULL; invalid for the caller afterwards
 *
 * Blocks: on the lock. Threads: no other call by the program may use @hub.
 */
void smudge_hub_destroy(struct smudge_hub *hub);

struct smudge_hub_member_options {
	size_t size;		 /* sizeof(struct smudge_hub_member_options) */
	uint64_t npages;	 /* of the source, in its own pages */
	unsigned int page_shift; /* of its pages, 9 to 40 */
	void *opaque;		 /* passed to start, stop and leave */
};

/*
 * smudge_hub_join - a source that the hub detects for
 * @hub: hub (borrowed); the source keeps what it needs of it
 * @options: copied
 * @ret_source: receives the source, owned by the caller, attached nowhere
 * @ret_member: receives its place; valid until the source is destroyed
 * @err: receives the failure; may be NULL
 *
 * The range it is attached to has the source's size, rounded up to whole pages
 * of the region. It has a look. Memory for its pending pages is held while it
 * runs. Blocks: on the lock. Threads: any.
 * Return: 0, -EINVAL (options), -E2BIG (the options have fields that this
 * library does not know), -EPERM (in a child of fork: memory.h), -ENOMEM.
 * Start: also -EINVAL (attached to a range of another size), -ENOMEM.
 */
int smudge_hub_join(struct smudge_hub *hub,
		    const struct smudge_hub_member_options *options,
		    struct smudge_source **ret_source,
		    struct smudge_hub_member **ret_member,
		    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3, 4);

/*
 * smudge_hub_post - pages of a source were written
 * @member: place of the source
 * @first_page, @npages: in the source's own pages, written before this call and
 *      re-armed since; what lies outside the source is ignored
 *
 * From collect, or from any thread at any time. While the source is stopped
 * nothing is kept. A post that returned before a harvest or look began is in
 * it. Blocks: no. Threads: any number, and signal handlers.
 */
void smudge_hub_post(struct smudge_hub_member *member, uint64_t first_page,
		     uint64_t npages) SMUDGE_NONNULL(1);

/*
 * smudge_hub_collect - drain the mechanism now
 * @hub: hub (borrowed)
 * @err: receives the failure; may be NULL
 *
 * Blocks: on the hub's lock, for the time of other threads' drains, and on
 * collect. Threads: any that holds no lock which a collect, start or stop may
 * wait for; none of the library's operations.
 * Return: 0, -EPERM (in a child), or the failure of collect.
 */
int smudge_hub_collect(struct smudge_hub *hub,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
