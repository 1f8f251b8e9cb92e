/* SPDX-License-Identifier: MIT */
/*
 * Which calls of a side are timed, and in which order the sides come.
 */
#include "sources_sample.h"

#include <errno.h>

#include "bench_clock.h"
#include "bench_program.h"

const struct sources_side *
sources_side_of(const struct sources_mechanism *mechanism, int which)
{
	return which == SOURCES_LIBRARY ? mechanism->library : mechanism->bare;
}

/* What a call took that began at @begin_ns. */
static double us_of(const struct sources_side *ops, void *side,
		    uint64_t begin_ns)
{
	uint64_t ns = bench_now_ns() - begin_ns;
	uint64_t elsewhere_ns = 0;

	if (ops->elsewhere_ns)
		elsewhere_ns = ops->elsewhere_ns(side);
	return (double)(elsewhere_ns ? elsewhere_ns : ns) / 1000;
}

static double call(const struct sources_side *ops, void (*what)(void *side),
		   void *side)
{
	uint64_t begin_ns = bench_now_ns();

	what(side);
	return us_of(ops, side, begin_ns);
}

static double write_pages(const struct sources_row *row,
			  const struct sources_side *ops, void *side)
{
	uint64_t begin_ns = bench_now_ns();

	ops->write(side, row->ndirty, row->npages / row->ndirty);
	return us_of(ops, side, begin_ns);
}

static void check_found(const struct sources_row *row, uint64_t found)
{
	bench_must(found < row->ndirty ? -EIO : 0, "a write was lost");
}

/* One pass; its times go to @us[phase][i]. */
static uint64_t pass(const struct sources_row *row,
		     const struct sources_side *ops, void *side,
		     double (*us)[SOURCES_MAX_SAMPLES], unsigned int i)
{
	uint64_t found;

	us[SOURCES_WRITE][i] = write_pages(row, ops, side);
	us[SOURCES_HARVEST][i] = call(ops, ops->harvest, side);
	found = ops->found(side);
	check_found(row, found);
	us[SOURCES_TAKE][i] = ops->take ? call(ops, ops->take, side) : 0;
	return found;
}

static void sample_side(struct sources_row *row, void *side, int which,
			unsigned int i)
{
	const struct sources_side *ops = sources_side_of(row->mechanism, which);
	double(*us)[SOURCES_MAX_SAMPLES] = row->us[which];

	us[SOURCES_ARM][i] = call(ops, ops->arm, side);
	pass(row, ops, side, us, i);
	us[SOURCES_SCAN][i] = call(ops, ops->harvest, side);
	ops->found(side);
	row->found[which] = pass(row, ops, side, us, i);
	us[SOURCES_STOP][i] = call(ops, ops->stop, side);
}

/* Each side goes first every other time. */
void sources_sample(struct sources_row *row, void *const *sides, unsigned int i)
{
	for (unsigned int n = 0; n < SOURCES_NSIDES; n++) {
		int which = (n + i) % SOURCES_NSIDES;

		if (sides[which])
			sample_side(row, sides[which], which, i);
	}
}
