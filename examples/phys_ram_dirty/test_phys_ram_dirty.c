/* SPDX-License-Identifier: MIT */
/*
 * Every function of the phys_ram_dirty adapter against the byte map it
 * stands for: one byte per page, queries page by page. RAM is two regions with
 * a hole before, between and after them; their sizes and all ranges are odd.
 */
#include <stdio.h>
#include <stdlib.h>

#include <phys_ram_dirty.h>

#include "support.h"

enum {
	PAGE = 4096,
	THREE = 0x0b,
	ROUNDS = 3000
};

struct layout {
	uint64_t first[2], npages[2]; /* regions, in pages from address 0 */
	uint64_t end;		      /* pages the map covers, a hole last */
};

static const struct layout layouts[] = {
	{{0, 1}, {1, 1}, 3},
	{{1, 70}, {63, 65}, 140},
	{{5, 136}, {131, 129}, 300},
	{{3, 1100}, {1000, 61}, 1200},
	{{64, 4161}, {4097, 4095}, 8300},
	{{0, 100}, {64, 128}, 300},
	{{7, 20008}, {20001, 333}, 20400},
};

struct world {
	struct smudge_memory *memory;
	struct phys_ram_dirty *d;
	const struct layout *layout;
	uint8_t *map; /* the oracle: one byte per page, three bits used */
	uint8_t tracked;
	struct test_rng rng;
};

static bool in_ram(const struct world *w, uint64_t page)
{
	for (int i = 0; i < 2; i++)
		if (page - w->layout->first[i] < w->layout->npages[i])
			return true;
	return false;
}

static uint8_t shown(uint8_t three, uint8_t flags)
{
	return (three & flags & THREE) == THREE ? flags : three & flags & THREE;
}

static uint8_t random_flags(struct world *w)
{
	static const uint8_t usual[] = {0x01, 0x02, 0x08, 0xff, 0x0b, 0xfd};
	uint64_t choice = test_rng_below(&w->rng, 10);

	return choice < sizeof(usual) ? usual[choice]
				      : (uint8_t)test_rng_next(&w->rng);
}

/* Short, or anything; from anywhere to a little beyond the last hole. */
static void random_range(struct world *w, uint64_t *ret_start,
			 uint64_t *ret_end)
{
	uint64_t limit = (w->layout->end + 2) * PAGE;
	uint64_t length = test_rng_below(&w->rng, 3) ? 200 * PAGE : limit;

	*ret_start = test_rng_below(&w->rng, limit);
	*ret_end = *ret_start + test_rng_below(&w->rng, length);
	if (test_rng_below(&w->rng, 50) == 0)
		*ret_end = UINT64_MAX - test_rng_below(&w->rng, 2 * PAGE);
}

static uint64_t oracle_run(const struct world *w, uint64_t start, uint64_t end,
			   uint8_t flags, bool dirty)
{
	uint64_t addr = start;

	while (addr < end) {
		uint64_t page = addr / PAGE;
		bool is = page < w->layout->end &&
			  (w->map[page] & flags & THREE) != 0;

		if (is != dirty)
			break;
		if (page >= w->layout->end || (page + 1) * PAGE > end)
			addr = end;
		else
			addr = (page + 1) * PAGE;
	}
	return addr - start;
}

static void check_run(struct world *w)
{
	uint8_t flags = random_flags(w);
	uint64_t start, end;

	random_range(w, &start, &end);
	assert_int_equal(phys_ram_get_dirty_range(w->d, start, end, flags),
			 oracle_run(w, start, end, flags, true));
	assert_int_equal(phys_ram_get_non_dirty_range(w->d, start, end, flags),
			 oracle_run(w, start, end, flags, false));
}

static void check_page(struct world *w, uint64_t page)
{
	uint64_t addr = page * PAGE + test_rng_below(&w->rng, PAGE);
	uint8_t flags = random_flags(w);
	uint8_t three = page < w->layout->end ? w->map[page] : 0;

	assert_int_equal(phys_ram_get_dirty_flags(w->d, addr),
			 shown(three, 0xff));
	assert_int_equal(phys_ram_get_dirty(w->d, addr, flags),
			 shown(three, flags));
	assert_int_equal(phys_ram_is_dirty(w->d, addr), three == THREE);
}

static void set_page(struct world *w, uint64_t page, uint8_t flags)
{
	uint64_t addr = page * PAGE + test_rng_below(&w->rng, PAGE);

	if (in_ram(w, page))
		w->map[page] |= flags & THREE;
	if (flags == ALL_DIRTY_FLAGS)
		phys_ram_set_dirty(w->d, addr);
	else
		assert_int_equal(phys_ram_set_dirty_flags(w->d, addr, flags),
				 shown(w->map[page], 0xff));
}

static void do_set(struct world *w)
{
	uint64_t page = test_rng_below(&w->rng, w->layout->end);
	uint64_t end = page + 1 + test_rng_below(&w->rng, 20);
	uint8_t flags = random_flags(w);

	for (; page < end && page < w->layout->end; page++)
		set_page(w, page, flags);
}

static void oracle_mask(struct world *w, uint64_t start, uint64_t end,
			uint8_t flags)
{
	for (uint64_t page = start / PAGE;
	     page < w->layout->end && page * PAGE < end; page++)
		if (start < end)
			w->map[page] &= (uint8_t) ~(flags & w->tracked);
}

static void do_clear(struct world *w)
{
	uint8_t flags = random_flags(w);
	uint64_t start, end, length;
	int ret;

	random_range(w, &start, &end);
	length = end - start;
	if (end > INT64_MAX) {
		/* start + length wraps around, the range does not */
		length = UINT64_MAX;
		end = UINT64_MAX;
	}
	if (test_rng_below(&w->rng, 2))
		ret = phys_ram_mask_dirty_range(w->d, start, length, flags,
						NULL);
	else
		ret = phys_ram_reset_dirty(w->d, start, end, flags, NULL);
	assert_int_equal(ret, 0);
	oracle_mask(w, start, end, flags);
}

static void do_track(struct world *w)
{
	uint8_t flags = random_flags(w);

	if (test_rng_below(&w->rng, 3)) {
		assert_int_equal(phys_ram_start_tracking(w->d, flags, NULL), 0);
		w->tracked |= flags & THREE;
	} else {
		phys_ram_stop_tracking(w->d, flags);
		w->tracked &= (uint8_t)~flags;
		for (uint64_t page = 0; page < w->layout->end; page++)
			if (in_ram(w, page))
				w->map[page] |= flags & THREE;
	}
	assert_int_equal(phys_ram_get_dirty_tracking(w->d),
			 shown(w->tracked, 0xff));
}

static void world_start(struct world *w, const struct layout *layout)
{
	struct smudge_region_options options = {.size = sizeof(options)};
	static char nowhere[PAGE] __attribute__((aligned(PAGE)));
	struct smudge_region *region;
	char name[] = "ram0";

	w->layout = layout;
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	/* Without a source the memory behind a region is not read. */
	options.hva = nowhere;
	options.name = name;
	for (int i = 0; i < 2; i++) {
		options.gpa = layout->first[i] * PAGE;
		options.size_bytes = layout->npages[i] * PAGE;
		name[3] = (char)('0' + i);
		assert_int_equal(
			smudge_region_add(w->memory, &options, &region, NULL),
			0);
	}
	assert_int_equal(phys_ram_create(w->memory, NULL, &w->d), 0);
	w->map = calloc(layout->end, 1);
	assert_non_null(w->map);
	for (uint64_t page = 0; page < layout->end; page++)
		w->map[page] = in_ram(w, page) ? THREE : 0;
}

static void world_stop(struct world *w)
{
	phys_ram_destroy(w->d);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
	free(w->map);
}

static void run_layout(struct world *w, const struct layout *layout)
{
	w->tracked = 0;
	world_start(w, layout);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t what = test_rng_below(&w->rng, 100);

		if (what < 2)
			do_track(w);
		else if (what < 30)
			do_clear(w);
		else
			do_set(w);
		check_run(w);
		check_page(w, test_rng_below(&w->rng, layout->end + 2));
	}
	for (uint64_t page = 0; page < layout->end; page++)
		check_page(w, page);
	world_stop(w);
}

static void matches_the_byte_map(void **state)
{
	struct world w = {.rng = test_rng_start("test_phys_ram_dirty")};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		run_layout(&w, &layouts[i]);
}

TEST_MAIN(matches_the_byte_map)
