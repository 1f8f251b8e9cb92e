/* SPDX-License-Identifier: MIT */
/*
 * A refresh: harvest one region, take the mode's pages, compare them, and
 * return rectangles. This file cuts pages into lines; display.h says why
 * nothing is lost.
 */
#include "display/display.h"

#include <errno.h>

#include "sys/clock.h"

/* Compare bytes [@from, @to) of the mode, counted from its first pixel. */
static int compare_bytes(struct smudge_display *display, uint64_t from,
			 uint64_t to, struct smudge_error *err)
{
	struct smi_screen *screen = display->screen;
	uint32_t stride = screen->mode.stride_bytes;
	uint64_t y = from / stride;
	int ret = 0;

	for (uint64_t line = y * stride; ret == 0 && line < to;
	     line += stride, y++) {
		uint64_t start = from > line ? from - line : 0;
		uint64_t end = to - line;

		if (end > screen->line_bytes)
			end = screen->line_bytes;
		if (start >= end)
			continue;
		display->stats.compared_bytes += end - start;
		ret = smi_screen_compare(screen, display->region, (uint32_t)y,
					 (uint32_t)start, (uint32_t)end,
					 &display->stats.changed_bytes, err);
	}
	return ret;
}

/* Compare the part of a run of pages that belongs to the mode. */
static int compare_run(struct smudge_display *display, struct smudge_run run,
		       struct smudge_error *err)
{
	const struct smi_screen *screen = display->screen;
	unsigned int shift = smudge_region_page_shift(display->region);
	uint64_t start = screen->mode.offset_bytes;
	uint64_t from = run.first_page << shift;
	uint64_t to = (run.first_page + run.npages) << shift;

	from = from > start ? from - start : 0;
	to = to - start < screen->size_bytes ? to - start : screen->size_bytes;
	return compare_bytes(display, from, to, err);
}

/* Compare all of the batch; it is returned if a page cannot be read. */
static int compare_batch(struct smudge_display *display,
			 struct smudge_error *err)
{
	size_t nruns = smudge_batch_nruns(display->batch);
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < nruns; i++)
		ret = compare_run(display, smudge_batch_run(display->batch, i),
				  err);
	if (ret < 0) {
		smudge_client_return(display->client, display->batch);
		return ret;
	}
	display->stats.taken_pages += smudge_batch_npages(display->batch);
	smudge_client_commit(display->client, display->batch);
	return 0;
}

static int take_and_compare(struct smudge_display *display,
			    struct smudge_error *err)
{
	const struct smi_screen *screen = display->screen;
	struct smudge_run rest = {screen->first_page, screen->npages};
	int ret;

	do {
		ret = smudge_client_take_next(display->client, display->region,
					      &rest, UINT64_MAX, display->batch,
					      err);
		if (ret <= 0)
			return ret;
		ret = compare_batch(display, err);
	} while (ret == 0);
	return ret;
}

int smudge_display_refresh(struct smudge_display *display,
			   struct smudge_rect *rects, size_t max_rects,
			   size_t *ret_nrects, struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	int ret;

	smudge_error_clear(err);
	if (!max_rects)
		return smudge_error_set(err, -EINVAL, "display",
					"a refresh needs room for at least "
					"one rectangle");
	ret = smudge_region_harvest(display->region, err);
	if (ret == 0)
		ret = take_and_compare(display, err);
	if (ret == 0) {
		*ret_nrects = smi_tiles_return_rects(&display->screen->tiles,
						     rects, max_rects);
		display->stats.rects += *ret_nrects;
	}
	display->stats.refreshes++;
	display->stats.refresh_ns += smi_sys_now_ns() - start_ns;
	return ret;
}
