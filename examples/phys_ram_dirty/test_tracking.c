/* SPDX-License-Identifier: MIT */
/*
 * Purposes of the phys_ram_dirty adapter that come and go: nothing is
 * allocated while none is tracked, starting one changes no answer, and a
 * failed reset or start leaves what the header says.
 */
#include <errno.h>
#include <stdlib.h>

#include <phys_ram_dirty.h>

#include "support.h"

enum {
	PAGE = 4096,
	NPAGES = 777
};

struct world {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source; /* of the tests that want one */
	struct phys_ram_dirty *d;
	int starts, start_error, rearm_error, told;
};

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	struct world *w = opaque;

	w->starts++;
	return w->start_error;
}

static void stop(void *opaque)
{
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	smudge_sink_range(sink, 5 * PAGE + 7, 2 * PAGE);
	return 0;
}

static int rearm(void *opaque, const struct smudge_batch *batch,
		 struct smudge_error *err)
{
	struct world *w = opaque;

	return w->rearm_error;
}

static void on_reset(void *opaque, uint64_t start_addr, uint64_t length_bytes)
{
	struct world *w = opaque;

	w->told++;
}

static int setup(void **state)
{
	static char nowhere[PAGE] __attribute__((aligned(PAGE)));
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.hva = nowhere,
						.size_bytes = NPAGES * PAGE};
	static const struct smudge_source_ops ops = {.size = sizeof(ops),
						     .name = "test",
						     .start = start,
						     .stop = stop,
						     .harvest = harvest,
						     .rearm = rearm};
	struct world *w = calloc(1, sizeof(*w));
	struct phys_ram_tlb tlb = {.opaque = w, .reset_dirty = on_reset};

	assert_non_null(w);
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	assert_int_equal(
		smudge_region_add(w->memory, &options, &w->region, NULL), 0);
	assert_int_equal(smudge_source_create(&ops, w, &w->source, NULL), 0);
	assert_int_equal(smudge_region_attach(w->region, w->source, 0, 0, NULL),
			 0);
	assert_int_equal(phys_ram_create(w->memory, &tlb, &w->d), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	phys_ram_destroy(w->d);
	smudge_source_destroy(w->source);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
	free(w);
	return 0;
}

static struct smudge_memory_stats stats_of(struct world *w)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_memory_stats(w->memory, &stats), 0);
	return stats;
}

static void nothing_is_held_while_none_is_tracked(void **state)
{
	struct world *w = *state;

	assert_int_equal(stats_of(w).nclients, 0);
	assert_int_equal(stats_of(w).bitmap_bytes, 0);
	assert_int_equal(stats_of(w).nsources_running, 0);
	assert_int_equal(phys_ram_start_tracking(w->d, 0xff, NULL), 0);
	assert_int_equal(stats_of(w).nclients, 3);
	assert_int_equal(stats_of(w).nsources_running, 1);
	assert_int_not_equal(stats_of(w).bitmap_bytes, 0);
	phys_ram_stop_tracking(w->d, CODE_DIRTY_FLAG);
	assert_int_equal(stats_of(w).nclients, 2);
	phys_ram_stop_tracking(w->d, 0xff);
	assert_int_equal(stats_of(w).nclients, 0);
	assert_int_equal(stats_of(w).bitmap_bytes, 0);
	assert_int_equal(stats_of(w).nsources_running, 0);
}

static void an_untracked_flag_reads_as_set(void **state)
{
	struct world *w = *state;

	assert_int_equal(phys_ram_get_dirty_tracking(w->d), 0);
	assert_true(phys_ram_is_dirty(w->d, 0));
	assert_int_equal(phys_ram_start_tracking(w->d, VGA_DIRTY_FLAG, NULL),
			 0);
	assert_true(phys_ram_is_dirty(w->d, 0));
	assert_int_equal(phys_ram_reset_dirty(w->d, 0, PAGE, 0xff, NULL), 0);
	assert_int_equal(phys_ram_get_dirty_flags(w->d, 0),
			 CODE_DIRTY_FLAG | MIGRATION_DIRTY_FLAG);
	/* Twice is once: what is tracked keeps its bits. */
	assert_int_equal(phys_ram_start_tracking(w->d, 0x03, NULL), 0);
	assert_int_equal(phys_ram_get_dirty_tracking(w->d), 0x03);
	assert_int_equal(phys_ram_get_dirty(w->d, 0, 0x03), CODE_DIRTY_FLAG);
}

static void a_sync_fetches_what_the_sources_know(void **state)
{
	struct world *w = *state;

	assert_int_equal(phys_ram_start_tracking(w->d, 0xff, NULL), 0);
	assert_int_equal(
		phys_ram_reset_dirty(w->d, 0, NPAGES * PAGE, 0xff, NULL), 0);
	assert_int_equal(
		phys_ram_get_non_dirty_range(w->d, 0, NPAGES * PAGE, 0xff),
		NPAGES * PAGE);
	assert_int_equal(phys_ram_sync_dirty_bitmap(w->d, NULL), 0);
	assert_int_equal(
		phys_ram_get_non_dirty_range(w->d, 0, NPAGES * PAGE, 0xff),
		5 * PAGE);
	assert_int_equal(phys_ram_get_dirty_range(w->d, 5 * PAGE, NPAGES * PAGE,
						  MIGRATION_DIRTY_FLAG),
			 3 * PAGE);
}

static void a_failed_start_opens_nothing(void **state)
{
	struct world *w = *state;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	w->start_error = -EACCES;
	assert_int_equal(phys_ram_start_tracking(w->d, 0xff, &err), -EACCES);
	assert_int_equal(err.code, -EACCES);
	assert_int_equal(phys_ram_get_dirty_tracking(w->d), 0);
	assert_int_equal(stats_of(w).nclients, 0);
	assert_true(phys_ram_is_dirty(w->d, 0));
}

static void a_failed_reset_drops_nothing_and_tells(void **state)
{
	struct world *w = *state;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	assert_int_equal(phys_ram_start_tracking(w->d, 0xff, NULL), 0);
	w->rearm_error = -ENODEV;
	assert_int_equal(phys_ram_reset_dirty(w->d, 0, 70 * PAGE, 0xff, &err),
			 -EIO);
	assert_int_equal(err.code, -EIO);
	assert_int_equal(w->told, 1);
	assert_int_equal(phys_ram_get_dirty_range(w->d, 0, 70 * PAGE, 0xff),
			 70 * PAGE);
}

TEST_MAIN_WITH(setup, teardown, nothing_is_held_while_none_is_tracked,
	       an_untracked_flag_reads_as_set,
	       a_sync_fetches_what_the_sources_know,
	       a_failed_start_opens_nothing,
	       a_failed_reset_drops_nothing_and_tells)
