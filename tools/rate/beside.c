/* SPDX-License-Identifier: MIT */
/*
 * Written pages, by looking beside another program that tracks the process.
 *
 * The other one armed the pages, and arms them again when it likes: at each
 * checkpoint, for example. Here nothing is armed, so a page is seen once
 * between two re-arms, and not at all if it was written after the last look
 * before one. Looks are therefore made also between ticks. What an interval has
 * is a lower bound. The windows of the working set begin at a re-arm, where
 * nothing is written yet: in them a page that is seen once is all there is to
 * know.
 */
#include "rate/meter.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "rate/areas.h"
#include "rate/look.h"
#include "rate/resident.h"

/* Between two looks; looks do not take more than a share of the time. */
#define LOOK_EVERY_NS	(20 * CLOCK_NS_PER_MS)
#define LOOK_COST_SHARE 50

/* A re-arm that a look meets takes some milliseconds more. */
#define SETTLE_NS    (3 * CLOCK_NS_PER_MS)
#define SETTLE_LOOKS 20

#define TICK_NS (CLOCK_NS_PER_S / RATE_TICKS_PER_S)

/* Of the working set. */
struct window {
	bool is_open;
	int64_t began_ns;
	/* one that ended and was not told yet */
	bool is_done;
	double pages;
	double seconds;
};

struct beside {
	pid_t pid;
	struct rate_select select;
	struct rate_look look;
	struct rate_areas areas;
	int64_t looked_ns; /* the last look ended; 0: none was made */
	int64_t next_look_ns;
	struct window windows[RATE_INTERVAL];
	struct rate_beside totals;
};

/* The process maps and unmaps as it likes, and may run another program. */
static int follow(struct beside *b)
{
	struct rate_look look = {.pagemap = -1};
	struct rate_mappings mappings = {0};
	int ret = rate_look_open(&look, b->pid, b->look.kind);

	if (!ret)
		ret = rate_maps_read(b->pid, &b->select, &mappings);
	if (ret) {
		rate_look_close(&look);
	} else {
		rate_look_close(&b->look);
		b->look = look;
	}
	if (!ret)
		ret = rate_areas_follow(&b->areas, &mappings);
	rate_mappings_free(&mappings);
	return ret == -ENOENT ? -ESRCH : ret;
}

static void mark(void *opaque, uint64_t address, uint64_t npages)
{
	struct rate_area *area = opaque;

	rate_written_mark(&area->written,
			  (address - area->mapping.address) / RATE_PAGE_BYTES,
			  npages);
}

/* What is not armed, or not there any more, says nothing. */
static bool look_at(struct beside *b, struct rate_area *area)
{
	int ret = rate_look_each(&b->look, area->mapping.address,
				 area->mapping.size_bytes, mark, area);

	area->is_armed = !ret;
	if (ret)
		rate_written_forget(&area->written);
	return !ret && rate_written_is_rearmed(&area->written);
}

/* Where all pages are clean, and every one that is written is seen. */
static void open_windows(struct beside *b, int64_t rearmed_ns)
{
	for (int w = 0; w < RATE_INTERVAL; w++) {
		if (b->windows[w].is_open)
			continue;
		b->windows[w].is_open = true;
		b->windows[w].began_ns = rearmed_ns;
		for (size_t i = 0; i < b->areas.n; i++)
			rate_written_begin(&b->areas.list[i].written, w);
	}
}

static void close_window(struct beside *b, int w, int64_t now_ns)
{
	struct window *window = &b->windows[w];
	uint64_t pages = 0;

	for (size_t i = 0; i < b->areas.n; i++)
		pages += rate_written_count(&b->areas.list[i].written, w);
	window->is_open = false;
	window->is_done = true;
	window->pages = (double)pages;
	window->seconds = (double)(now_ns - window->began_ns) / CLOCK_NS_PER_S;
}

static void close_windows(struct beside *b, int64_t now_ns)
{
	for (int w = 0; w < RATE_INTERVAL; w++) {
		int64_t length_ns = TICK_NS * (int64_t)rate_window_ticks[w];

		if (b->windows[w].is_open &&
		    now_ns - b->windows[w].began_ns >= length_ns)
			close_window(b, w, now_ns);
	}
}

/* Return: whether something was armed again since the last look. */
static bool look_once(struct beside *b)
{
	bool is_rearmed = false;
	int64_t now_ns;

	for (size_t i = 0; i < b->areas.n; i++)
		is_rearmed |= look_at(b, &b->areas.list[i]);
	now_ns = clock_now_ns();
	if (is_rearmed)
		open_windows(b, b->looked_ns + (now_ns - b->looked_ns) / 2);
	for (size_t i = 0; i < b->areas.n; i++) {
		if (b->areas.list[i].is_armed)
			rate_written_end_look(&b->areas.list[i].written);
	}
	close_windows(b, now_ns);
	b->looked_ns = now_ns;
	return is_rearmed;
}

/* A re-arm was met: look until it is complete. */
static void settle(struct beside *b)
{
	const struct timespec span = {.tv_nsec = SETTLE_NS};

	for (int i = 0; i < SETTLE_LOOKS; i++) {
		nanosleep(&span, NULL);
		if (!look_once(b))
			break;
	}
	for (size_t i = 0; i < b->areas.n; i++)
		rate_written_settle(&b->areas.list[i].written);
}

static void look(struct beside *b)
{
	int64_t began_ns = clock_now_ns();
	int64_t before_ns = b->looked_ns;
	int64_t cost_ns;

	if (look_once(b)) {
		b->totals.rearms++;
		b->totals.unseen_s +=
			(double)(b->looked_ns - before_ns) / CLOCK_NS_PER_S;
		cost_ns = b->looked_ns - began_ns;
		settle(b);
	} else {
		cost_ns = b->looked_ns - began_ns;
	}
	b->next_look_ns = began_ns + LOOK_EVERY_NS;
	if (cost_ns * LOOK_COST_SHARE > LOOK_EVERY_NS)
		b->next_look_ns = began_ns + cost_ns * LOOK_COST_SHARE;
}

static int refuse(const struct beside *b, int code, struct smudge_error *err)
{
	if (code == -ENODATA)
		return smudge_error_set(err, code, "rate",
					"no other program tracks the selected "
					"memory of process %d",
					(int)b->pid);
	if (code == -ESRCH || code == -ENOMEM)
		return smudge_error_set(err, code, "rate",
					code == -ESRCH ? "the process has ended"
						       : "out of memory");
	return smudge_error_set(err, code, "rate",
				"/proc/%d/pagemap cannot be read: %s",
				(int)b->pid, strerror(-code));
}

struct heat_of {
	struct rate_heat *heat;
	uint64_t address;
};

static void heat(void *opaque, uint64_t first_page, uint64_t npages)
{
	const struct heat_of *of = opaque;

	rate_heat_add(of->heat, of->address + first_page * RATE_PAGE_BYTES,
		      npages, 1);
}

static int end_area(struct rate_area *area, struct rate_tick *tick)
{
	struct heat_of of = {tick->heat, area->mapping.address};
	double pages =
		(double)rate_written_count(&area->written, RATE_INTERVAL);
	struct rate_value value = {
		.pages = pages,
		.low_pages = pages,
		.high_pages = (double)rate_written_at_most(&area->written),
		.is_lower_bound = true,
	};

	if (tick->heat)
		rate_written_each(&area->written, heat, &of);
	rate_value_add(&tick->values[RATE_INTERVAL], &value);
	rate_written_begin_interval(&area->written);
	area->mapping.pages = pages;
	return rate_mappings_add(&tick->process->mappings, &area->mapping);
}

static int end_interval(struct beside *b, struct rate_tick *tick)
{
	int ret = 0;

	tick->values[RATE_INTERVAL] =
		(struct rate_value){.is_lower_bound = true};
	for (size_t i = 0; i < b->areas.n && !ret; i++) {
		if (b->areas.list[i].is_armed)
			ret = end_area(&b->areas.list[i], tick);
	}
	tick->process->tracked_pages = rate_areas_pages(&b->areas, true);
	b->totals.untracked_pages = rate_areas_pages(&b->areas, false);
	tick->process->beside = b->totals;
	return ret;
}

/* Windows of the working set that have ended meanwhile. */
static void tell_windows(struct beside *b, struct rate_tick *tick)
{
	for (int w = 0; w < RATE_INTERVAL; w++) {
		if (!(tick->closing & 1u << w))
			continue;
		if (!b->windows[w].is_done) {
			tick->unknown |= 1u << w;
			continue;
		}
		tick->values[w] = rate_value_exact(b->windows[w].pages);
		tick->seconds[w] = b->windows[w].seconds;
		b->windows[w].is_done = false;
	}
}

static int say_left_alone(const struct beside *b, struct smudge_error *err)
{
	return smudge_error_set(err, -ENODATA, "rate",
				"the program that tracked process %d does not "
				"any more, and nothing says what is written: "
				"begin again, to measure it without that one",
				(int)b->pid);
}

static int beside_tick(void *meter, struct rate_tick *tick,
		       struct smudge_error *err)
{
	struct beside *b = meter;
	int ret = follow(b);

	if (!ret) {
		look(b);
		if (!rate_areas_pages(&b->areas, true))
			return say_left_alone(b, err);
	}
	if (ret)
		return refuse(b, ret, err);
	tell_windows(b, tick);
	if (tick->closing & 1u << RATE_INTERVAL)
		ret = end_interval(b, tick);
	return ret ? refuse(b, ret, err) : 0;
}

static int64_t beside_peek(void *meter, int64_t now_ns)
{
	struct beside *b = meter;

	if (now_ns >= b->next_look_ns)
		look(b);
	return b->next_look_ns;
}

static void beside_close(void *meter)
{
	struct beside *b = meter;

	rate_areas_free(&b->areas);
	rate_look_close(&b->look);
	free(b);
}

static const struct rate_meter_ops ops = {beside_tick, beside_close,
					  beside_peek};

struct bits {
	uint64_t pages;
};

static void count_bits(void *opaque, uint64_t address, uint64_t npages)
{
	struct bits *bits = opaque;

	(void)address;
	bits->pages += npages;
}

/*
 * Were soft-dirty bits cleared once? Before, each page that is present has its
 * bit.
 */
static int check_soft_dirty(struct beside *b)
{
	struct bits present = {0};
	struct bits dirty = {0};
	int ret = 0;

	for (size_t i = 0; i < b->areas.n && !ret; i++) {
		const struct rate_mapping *mapping = &b->areas.list[i].mapping;

		ret = rate_look_each(&b->look, mapping->address,
				     mapping->size_bytes, count_bits, &dirty);
		if (!ret)
			ret = rate_resident_each(
				b->look.pagemap, mapping->address,
				mapping->size_bytes, count_bits, &present);
	}
	if (ret)
		return ret;
	return dirty.pages < present.pages ? 0 : -ENODATA;
}

/* By which of both does the other one track it? */
static int find_kind(struct beside *b)
{
	int ret = follow(b);

	if (ret)
		return ret;
	look(b);
	if (rate_areas_pages(&b->areas, true))
		return 0;
	if (!rate_look_has_soft_dirty())
		return -ENODATA;
	b->look.kind = RATE_LOOK_SOFT_DIRTY;
	ret = check_soft_dirty(b);
	if (!ret)
		look(b);
	return ret;
}

int rate_beside_open(pid_t pid, const struct rate_select *select,
		     struct rate_meter *ret_meter, struct smudge_error *err)
{
	struct beside *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	*b = (struct beside){
		.pid = pid, .select = *select, .look = {.pagemap = -1}};
	ret = find_kind(b);
	if (ret) {
		ret = refuse(b, ret, err);
		beside_close(b);
		return ret;
	}
	*ret_meter = (struct rate_meter){&ops, b, RATE_BESIDE};
	return 0;
}
