/* SPDX-License-Identifier: MIT */
/*
 * Hubs; hub.h has the contract.
 *
 * A member's pending pages are a bitmap of their own. A post is a mark of it.
 * Its owner is the thread that harvests or looks: it holds the region's lock.
 * So posts need no lock, and a harvest merges without the hub's.
 *
 * What the library's own collectors find for the source that is being harvested
 * does not go through that bitmap, but into the harvest's sink: they run in the
 * harvest's own thread, which holds the region's lock and the hub's.
 *
 * The bitmap exists while the source runs. A post reads the pointer in an RCU
 * section, and a stop waits for such sections before it frees the bitmap. Where
 * no barrier works it cannot wait; then the bitmap is kept for the next start,
 * with the bits that are left in it: reports for nothing.
 */
#include <smudge/hub.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#include "source/hub_check.h"
#include "source/hub_objects.h"
#include "sys/error.h"
#include "sys/guard.h"
#include "sys/options.h"
#include "sys/space.h"
#include "sys/rcu.h"

#define WHERE "hub"

void smudge_hub_post(struct smudge_hub_member *member, uint64_t first_page,
		     uint64_t npages)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();
	/* Acquire: pairs with the release in publish. */
	struct smudge_bitmap *pending =
		atomic_load_explicit(&member->pending, memory_order_acquire);

	if (pending && npages == 1)
		smudge_bitmap_mark(pending, first_page);
	else if (pending)
		smudge_bitmap_mark_range(pending, first_page, npages);
	smi_sys_rcu_read_unlock(slot);
}

static void report_run(const struct smudge_hub_member *member,
		       struct smudge_run run, struct smudge_sink *sink)
{
	smudge_sink_range(sink, run.first_page << member->page_shift,
			  run.npages << member->page_shift);
}

/*
 * While it is unknown what was written, everything was. @harvested: the member
 * whose harvest collects for @sink, or NULL.
 */
static int collect(struct smudge_hub *hub, struct smudge_hub_member *harvested,
		   struct smudge_sink *sink, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	SMI_SYS_GUARD(&hub->lock);
	hub->harvested = harvested;
	hub->sink = sink;
	ret = hub->ops.collect(hub->opaque, &own);
	hub->harvested = NULL;
	hub->sink = NULL;
	ret = smi_sys_callback_check(&own, ret, hub->ops.name, "collect");
	if (ret < 0 || hub->is_unknown) {
		for (struct smudge_hub_member *m = hub->members; m; m = m->next)
			smudge_hub_post(m, 0, m->npages);
	}
	hub->is_unknown = ret < 0;
	if (ret < 0) {
		smudge_error_set(&own, ret, hub->ops.name,
				 "cannot collect what was written");
		smi_sys_error_keep(err, &own);
	}
	return ret;
}

int smudge_hub_collect(struct smudge_hub *hub, struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_space_check(hub->space, WHERE, "hub", err);
	return ret < 0 ? ret : collect(hub, NULL, NULL, err);
}

/* The region's lock makes this thread the owner of the pending pages. */
static struct smudge_bitmap *own_pending(struct smudge_hub_member *member)
{
	/* Relaxed: it changes under the region's lock only. */
	return atomic_load_explicit(&member->pending, memory_order_relaxed);
}

static int member_harvest(void *opaque, struct smudge_sink *sink,
			  struct smudge_error *err)
{
	struct smudge_hub_member *member = opaque;
	struct smudge_batch *batch = member->batch;
	int ret = collect(member->hub, member, sink, err);

	for (uint64_t at = 0; !ret && at < member->npages;) {
		ret = smudge_bitmap_take(own_pending(member), at,
					 member->npages - at, batch);
		for (size_t i = 0; i < smudge_batch_nruns(batch); i++)
			report_run(member, smudge_batch_run(batch, i), sink);
		at = smudge_batch_end_page(batch);
		smudge_batch_discard(batch);
	}
	return ret;
}

static int member_look(void *opaque, struct smudge_sink *sink,
		       struct smudge_error *err)
{
	struct smudge_hub_member *member = opaque;
	struct smudge_run run = {0, 0};
	int ret = collect(member->hub, NULL, NULL, err);

	while (!ret && smudge_bitmap_next_dirty(own_pending(member),
						run.first_page + run.npages,
						member->npages, &run))
		report_run(member, run, sink);
	return ret;
}

/* The range is the source, up to the rest of the region's last page. */
static int check_range(const struct smudge_hub_member *member,
		       const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	uint64_t bytes = range->npages << range->page_shift;
	uint64_t own = member->npages << member->page_shift;

	if (bytes >= own && (bytes - own) >> range->page_shift == 0)
		return 0;
	return smudge_error_set(err, -EINVAL, member->hub->ops.name,
				"a source of %llu bytes is attached to %llu",
				(unsigned long long)own,
				(unsigned long long)bytes);
}

static int prepare(struct smudge_hub_member *member, struct smudge_error *err)
{
	int ret = 0;

	if (!member->kept)
		ret = smudge_bitmap_create(member->npages, &member->kept, err);
	if (!ret && !member->batch)
		ret = smudge_batch_create(0, &member->batch, err);
	return ret;
}

/* hub->lock held. */
static void publish(struct smudge_hub_member *member)
{
	/* Release: pairs with the acquire in smudge_hub_post. */
	atomic_store_explicit(&member->pending, member->kept,
			      memory_order_release);
	member->kept = NULL;
}

/* hub->lock held. */
static void unpublish(struct smudge_hub_member *member)
{
	member->kept = own_pending(member);
	/* Relaxed: the grace period orders it before the bitmap is freed. */
	atomic_store_explicit(&member->pending, NULL, memory_order_relaxed);
}

/* Unpublished. Free what a start has allocated. */
static void release(struct smudge_hub_member *member)
{
	smudge_batch_destroy(member->batch);
	member->batch = NULL;
	if (!member->kept || !smi_sys_rcu_synchronize())
		return;
	smudge_bitmap_destroy(member->kept);
	member->kept = NULL;
}

static int start_locked(struct smudge_hub_member *member,
			const struct smudge_source_range *range,
			struct smudge_error *err)
{
	struct smudge_hub *hub = member->hub;
	int ret = 0;

	SMI_SYS_GUARD(&hub->lock);
	publish(member);
	if (hub->ops.start)
		ret = hub->ops.start(hub->opaque, member->opaque, range, err);
	if (ret != 0)
		unpublish(member);
	return ret;
}

static int member_start(void *opaque, const struct smudge_source_range *range,
			struct smudge_error *err)
{
	struct smudge_hub_member *member = opaque;
	int ret = check_range(member, range, err);

	if (ret < 0)
		return ret;
	ret = prepare(member, err);
	if (!ret)
		ret = start_locked(member, range, err);
	if (ret != 0)
		release(member);
	return ret;
}

static void stop_locked(struct smudge_hub_member *member)
{
	struct smudge_hub *hub = member->hub;

	SMI_SYS_GUARD(&hub->lock);
	unpublish(member);
	if (hub->ops.stop)
		hub->ops.stop(hub->opaque, member->opaque);
}

static void member_stop(void *opaque)
{
	stop_locked(opaque);
	release(opaque);
}

/* The last owner frees it. */
static void drop_owner(struct smudge_hub *hub)
{
	bool is_last;

	pthread_mutex_lock(&hub->lock);
	is_last = --hub->nowners == 0;
	pthread_mutex_unlock(&hub->lock);
	if (!is_last)
		return;
	if (hub->ops.destroy)
		hub->ops.destroy(hub->opaque);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

static void unlink_member(struct smudge_hub_member *member)
{
	struct smudge_hub_member **link = &member->hub->members;

	SMI_SYS_GUARD(&member->hub->lock);
	while (*link != member)
		link = &(*link)->next;
	*link = member->next;
}

static void member_destroy(void *opaque)
{
	struct smudge_hub_member *member = opaque;
	struct smudge_hub *hub = member->hub;

	if (hub->ops.leave)
		hub->ops.leave(hub->opaque, member->opaque);
	unlink_member(member);
	smudge_bitmap_destroy(member->kept);
	free(member);
	drop_owner(hub);
}

int smudge_hub_create(const struct smudge_hub_ops *ops, void *opaque,
		      struct smudge_hub **ret_hub, struct smudge_error *err)
{
	struct smudge_hub_ops own;
	struct smudge_hub *hub;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, ops, SMI_SYS_SHAPE(smudge_hub_ops, destroy), WHERE, err);
	if (ret < 0)
		return ret;
	if (!own.name || !own.collect)
		return smudge_error_set(
			err, -EINVAL, WHERE, "a hub needs %s is NULL",
			own.name ? "a collect operation: .collect"
				 : "a name: .name");
	hub = calloc(1, sizeof(*hub));
	if (!hub)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for hub %s", own.name);
	hub->ops = own;
	hub->opaque = opaque;
	hub->space = smi_sys_space_id();
	hub->nowners = 1;
	pthread_mutex_init(&hub->lock, NULL);
	*ret_hub = hub;
	return 0;
}

void smudge_hub_destroy(struct smudge_hub *hub)
{
	if (hub)
		drop_owner(hub);
}

static int make_source(struct smudge_hub_member *member,
		       struct smudge_source **ret_source,
		       struct smudge_error *err)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = member->hub->ops.name,
		.start = member_start,
		.stop = member_stop,
		.harvest = member_harvest,
		.look = member_look,
		.destroy = member_destroy,
	};

	return smudge_source_create(&ops, member, ret_source, err);
}

int smudge_hub_join(struct smudge_hub *hub,
		    const struct smudge_hub_member_options *options,
		    struct smudge_source **ret_source,
		    struct smudge_hub_member **ret_member,
		    struct smudge_error *err)
{
	struct smudge_hub_member_options own;
	struct smudge_hub_member *member;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_hub_member_options, opaque),
		WHERE, err);
	if (ret == 0)
		ret = smi_hub_check_member(&own, err);
	if (ret == 0)
		ret = smi_sys_space_check(hub->space, WHERE, "hub", err);
	if (ret < 0)
		return ret;
	member = calloc(1, sizeof(*member));
	if (!member)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a source of hub %s",
					hub->ops.name);
	member->hub = hub;
	member->opaque = own.opaque;
	member->npages = own.npages;
	member->page_shift = own.page_shift;
	atomic_init(&member->pending, NULL);
	ret = make_source(member, ret_source, err);
	if (ret < 0) {
		free(member);
		return ret;
	}
	SMI_SYS_GUARD(&hub->lock);
	member->next = hub->members;
	hub->members = member;
	hub->nowners++;
	*ret_member = member;
	return 0;
}
