/* SPDX-License-Identifier: MIT */
/*
 * The model of a kernel that arms pages. Pages are reported one by one; nothing
 * here is meant to be fast.
 */
#include "armed_source.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static int armed_start(void *opaque, const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	struct armed_source *armed = opaque;

	assert_in_range(range->npages, 1, armed->max_npages);
	if (!armed->grows_with_region)
		assert_int_equal(range->npages, armed->npages);
	armed->npages = range->npages;
	armed->first_page = range->first_page;
	memset(armed->written, armed->rearms_at_take, armed->npages);
	memset(armed->reported, armed->rearms_at_take, armed->npages);
	return 0;
}

/* New pages are as at the start. */
static int armed_grow(void *opaque, const struct smudge_source_range *range,
		      struct smudge_error *err)
{
	struct armed_source *armed = opaque;
	uint64_t before = armed->npages, more = range->npages - before;

	assert_in_range(range->npages, before + 1, armed->max_npages);
	assert_int_equal(range->first_page, armed->first_page);
	if (armed->grow_error)
		return smudge_error_set(err, armed->grow_error, "armed",
					"told not to grow");
	armed->grows++;
	memset(armed->written + before, armed->rearms_at_take, more);
	memset(armed->reported + before, armed->rearms_at_take, more);
	armed->npages = range->npages;
	return 0;
}

static void armed_shrink(void *opaque, const struct smudge_source_range *range)
{
	struct armed_source *armed = opaque;

	assert_in_range(range->npages, 1, armed->npages - 1);
	assert_int_equal(range->first_page, armed->first_page);
	armed->shrinks++;
	armed->npages = range->npages;
}

static void armed_stop(void *opaque)
{
}

static void report(struct armed_source *armed, uint64_t npages,
		   struct smudge_sink *sink)
{
	for (uint64_t p = 0; p < npages; p++) {
		if (armed->written[p])
			smudge_sink_range(sink, p << 12, 1);
	}
}

static int armed_harvest(void *opaque, struct smudge_sink *sink,
			 struct smudge_error *err)
{
	struct armed_source *armed = opaque;

	armed->harvests++;
	report(armed, armed->npages, sink);
	if (armed->rearms_at_take)
		memcpy(armed->reported, armed->written, armed->npages);
	else
		memset(armed->written, 0, armed->npages);
	return 0;
}

/* What it read replaces what was reported, as KVM_GET_DIRTY_LOG does. */
static int armed_look(void *opaque, struct smudge_sink *sink,
		      struct smudge_error *err)
{
	struct armed_source *armed = opaque;

	armed->looks++;
	if (armed->look_error) {
		report(armed, armed->npages / 2, sink);
		return smudge_error_set(err, armed->look_error, "armed",
					"told to stop half way");
	}
	report(armed, armed->npages, sink);
	if (armed->rearms_at_take)
		memcpy(armed->reported, armed->written, armed->npages);
	return 0;
}

static int armed_rearm(void *opaque, const struct smudge_batch *batch,
		       struct smudge_error *err)
{
	struct armed_source *armed = opaque;

	armed->rearms++;
	if (armed->rearm_error)
		return smudge_error_set(err, armed->rearm_error, "armed",
					"told not to re-arm");
	for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		for (uint64_t n = 0; n < run.npages; n++) {
			/* Wraps, and is too large, for one before the range. */
			uint64_t page = run.first_page + n - armed->first_page;

			if (page >= armed->npages || !armed->reported[page])
				continue;
			armed->reported[page] = 0;
			armed->written[page] = 0;
			armed->nrearmed++;
		}
	}
	return 0;
}

void armed_create(struct armed_source *armed, uint64_t npages,
		  bool rearms_at_take, bool has_look)
{
	armed_create_room(armed, npages, npages, rearms_at_take, has_look);
}

void armed_create_room(struct armed_source *armed, uint64_t npages,
		       uint64_t max_npages, bool rearms_at_take, bool has_look)
{
	const bool grows = max_npages > npages;
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "armed",
		.start = armed_start,
		.stop = armed_stop,
		.harvest = armed_harvest,
		.rearm = rearms_at_take ? armed_rearm : NULL,
		.look = has_look ? armed_look : NULL,
		.grow = grows ? armed_grow : NULL,
		.shrink = grows ? armed_shrink : NULL,
	};

	memset(armed, 0, sizeof(*armed));
	armed->npages = npages;
	armed->max_npages = max_npages;
	armed->grows_with_region = grows;
	armed->rearms_at_take = rearms_at_take;
	armed->written = calloc(max_npages, 1);
	armed->reported = calloc(max_npages, 1);
	assert_non_null(armed->written);
	assert_non_null(armed->reported);
	assert_int_equal(
		smudge_source_create(&ops, armed, &armed->source, NULL), 0);
}

void armed_destroy(struct armed_source *armed)
{
	smudge_source_destroy(armed->source);
	free(armed->written);
	free(armed->reported);
}

void armed_touch(struct armed_source *armed, uint64_t page)
{
	armed->written[page] = 1;
}
