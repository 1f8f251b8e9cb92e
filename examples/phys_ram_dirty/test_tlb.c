/* SPDX-License-Identifier: MIT */
/*
 * The calls of the software TLB: a reset passes exactly the whole pages of the
 * range, after the bits are gone, once for each region; an update resets the
 * entries that write to a page with a clear flag and no other.
 */
#include <stdlib.h>
#include <string.h>

#include <phys_ram_dirty.h>

#include "support.h"

enum {
	PAGE = 4096,
	NPAGES = 1003,
	NENTRIES = 96,
	MAX_CALLS = 4
};

struct world {
	struct smudge_memory *memory;
	struct phys_ram_dirty *d;
	int ncalls;
	uint64_t start[MAX_CALLS], length[MAX_CALLS];
	uint8_t flags_seen; /* of the first page, when the TLB is called */
	bool used[NENTRIES], was_reset[NENTRIES];
	uint64_t addr[NENTRIES];
};

static void on_reset(void *opaque, uint64_t start, uint64_t length_bytes)
{
	struct world *w = opaque;

	assert_in_range(w->ncalls, 0, MAX_CALLS - 1);
	w->start[w->ncalls] = start;
	w->length[w->ncalls++] = length_bytes;
	w->flags_seen = phys_ram_get_dirty_flags(w->d, start);
}

static bool entry_addr(void *opaque, size_t entry, uint64_t *ret_addr)
{
	struct world *w = opaque;

	assert_in_range(entry, 0, NENTRIES - 1);
	if (w->used[entry])
		*ret_addr = w->addr[entry];
	return w->used[entry];
}

static void entry_reset(void *opaque, size_t entry)
{
	struct world *w = opaque;

	assert_false(w->was_reset[entry]);
	w->was_reset[entry] = true;
}

static void add_region(struct world *w, const char *name, uint64_t gpa,
		       uint64_t npages, unsigned int page_shift)
{
	struct smudge_region_options options = {.size = sizeof(options)};
	struct smudge_region *region;

	options.name = name;
	options.hva = (void *)(uintptr_t)(gpa + (UINT64_C(1) << 40));
	options.gpa = gpa;
	options.page_shift = page_shift;
	options.size_bytes = npages << page_shift;
	assert_int_equal(smudge_region_add(w->memory, &options, &region, NULL),
			 0);
}

/* Where 7 pages of 64 KiB begin, beyond the NPAGES of 4 KiB and a hole. */
static const uint64_t second = UINT64_C(5) << 20;

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct phys_ram_tlb tlb = {.opaque = w,
				   .nentries = NENTRIES,
				   .reset_dirty = on_reset,
				   .entry_addr = entry_addr,
				   .entry_reset = entry_reset};

	assert_non_null(w);
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	add_region(w, "low", 0, NPAGES, 12);
	add_region(w, "high", second, 7, 16);
	assert_int_equal(phys_ram_create(w->memory, &tlb, &w->d), 0);
	assert_int_equal(phys_ram_start_tracking(w->d, ALL_DIRTY_FLAGS, NULL),
			 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	phys_ram_destroy(w->d);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
	free(w);
	return 0;
}

static void reset(struct world *w, uint64_t start, uint64_t end, uint8_t flags)
{
	w->ncalls = 0;
	assert_int_equal(phys_ram_reset_dirty(w->d, start, end, flags, NULL),
			 0);
}

static void reset_tells_whole_pages_once(void **state)
{
	struct world *w = *state;

	reset(w, 65 * PAGE, 200 * PAGE, VGA_DIRTY_FLAG);
	assert_int_equal(w->ncalls, 1);
	assert_int_equal(w->start[0], 65 * PAGE);
	assert_int_equal(w->length[0], 135 * PAGE);

	reset(w, 3 * PAGE + 1, 4 * PAGE + 1, CODE_DIRTY_FLAG);
	assert_int_equal(w->ncalls, 1);
	assert_int_equal(w->start[0], 3 * PAGE);
	assert_int_equal(w->length[0], 2 * PAGE);
}

static void bits_are_gone_when_it_is_told(void **state)
{
	struct world *w = *state;

	reset(w, PAGE, 2 * PAGE, VGA_DIRTY_FLAG | MIGRATION_DIRTY_FLAG);
	assert_int_equal(w->flags_seen, CODE_DIRTY_FLAG);
}

static void each_region_is_told_alone(void **state)
{
	struct world *w = *state;

	reset(w, (NPAGES - 1) * PAGE, second + 1, ALL_DIRTY_FLAGS);
	assert_int_equal(w->ncalls, 2);
	assert_int_equal(w->start[0], (NPAGES - 1) * PAGE);
	assert_int_equal(w->length[0], PAGE);
	assert_int_equal(w->start[1], second);
	assert_int_equal(w->length[1], 65536);
}

static void nothing_is_told_outside_ram(void **state)
{
	struct world *w = *state;

	reset(w, 9 * PAGE, 9 * PAGE, ALL_DIRTY_FLAGS);
	assert_int_equal(w->ncalls, 0);
	reset(w, NPAGES * PAGE, second, ALL_DIRTY_FLAGS);
	assert_int_equal(w->ncalls, 0);
	reset(w, second + 7 * 65536, UINT64_MAX, ALL_DIRTY_FLAGS);
	assert_int_equal(w->ncalls, 0);
	reset(w, 20 * PAGE, 10 * PAGE, ALL_DIRTY_FLAGS);
	assert_int_equal(w->ncalls, 0);
	assert_true(phys_ram_is_dirty(w->d, 10 * PAGE));
}

static void a_mask_tells_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(phys_ram_mask_dirty_range(w->d, 0, 10 * PAGE,
						   ALL_DIRTY_FLAGS, NULL),
			 0);
	assert_int_equal(w->ncalls, 0);
	assert_int_equal(phys_ram_get_dirty_flags(w->d, 0), 0);
}

static void update_resets_entries_of_clean_pages(void **state)
{
	struct test_rng rng = test_rng_start("test_phys_ram_dirty_tlb");
	struct world *w = *state;
	int nreset = 0;

	for (int page = 0; page < NPAGES; page++) {
		uint8_t flags = (uint8_t)test_rng_next(&rng);

		assert_int_equal(phys_ram_mask_dirty_range(w->d, page * PAGE, 1,
							   flags & 0x09, NULL),
				 0);
	}
	for (int i = 0; i < NENTRIES; i++) {
		w->used[i] = test_rng_below(&rng, 4) != 0;
		w->addr[i] = test_rng_below(&rng, NPAGES * PAGE);
	}
	phys_ram_tlb_update_dirty(w->d);
	for (int i = 0; i < NENTRIES; i++) {
		bool is_clean =
			phys_ram_get_dirty_flags(w->d, w->addr[i]) != 0xff;

		assert_int_equal(w->was_reset[i], w->used[i] && is_clean);
		nreset += w->was_reset[i];
	}
	assert_in_range(nreset, 1, NENTRIES - 1);
}

static void untracked_pages_keep_the_fast_path(void **state)
{
	struct world *w = *state;

	assert_int_equal(phys_ram_mask_dirty_range(w->d, 0, NPAGES * PAGE,
						   MIGRATION_DIRTY_FLAG, NULL),
			 0);
	phys_ram_stop_tracking(w->d, MIGRATION_DIRTY_FLAG);
	for (int i = 0; i < NENTRIES; i++)
		w->used[i] = true;
	phys_ram_tlb_update_dirty(w->d);
	for (int i = 0; i < NENTRIES; i++)
		assert_false(w->was_reset[i]);
}

TEST_MAIN_WITH(setup, teardown, reset_tells_whole_pages_once,
	       bits_are_gone_when_it_is_told, each_region_is_told_alone,
	       nothing_is_told_outside_ram, a_mask_tells_nothing,
	       update_resets_entries_of_clean_pages,
	       untracked_pages_keep_the_fast_path)
