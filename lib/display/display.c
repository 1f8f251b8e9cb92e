/* SPDX-License-Identifier: MIT */
/*
 * Displays: open, close, change of mode, statistics. A display is a client and
 * a screen; without a display there is neither.
 */
#include "display/display.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/options.h"

/* Enough for alternating pages of a 4K screen; a larger one takes twice. */
#define BATCH_RUNS 4096

static int open_client(struct smudge_display *display,
		       struct smudge_memory *memory, struct smudge_error *err)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "display",
		.regions = &display->region,
		.nregions = 1,
	};

	return smudge_client_open(memory, &options, &display->client, err);
}

int smudge_display_open(struct smudge_memory *memory,
			struct smudge_region *region,
			const struct smudge_display_mode *mode,
			struct smudge_display **ret_display,
			struct smudge_error *err)
{
	struct smudge_display *display = calloc(1, sizeof(*display));
	int ret;

	smudge_error_clear(err);
	if (!display)
		return smudge_error_set(err, -ENOMEM, "display",
					"no memory for a display");
	display->region = region;
	smudge_region_hold(region);
	ret = smi_screen_create(region, mode, &display->screen, err);
	if (ret == 0) {
		ret = smudge_batch_create(BATCH_RUNS, &display->batch, NULL);
		if (ret < 0)
			smudge_error_set(err, ret, "display",
					 "no memory for a batch");
	}
	if (ret == 0)
		ret = open_client(display, memory, err);
	if (ret < 0) {
		smudge_display_close(display);
		return ret;
	}
	*ret_display = display;
	return 0;
}

void smudge_display_close(struct smudge_display *display)
{
	if (!display)
		return;
	smudge_client_close(display->client);
	smudge_region_release(display->region);
	smudge_batch_destroy(display->batch);
	smi_screen_destroy(display->screen);
	free(display);
}

int smudge_display_set_mode(struct smudge_display *display,
			    const struct smudge_display_mode *mode,
			    struct smudge_error *err)
{
	struct smi_screen *screen;
	int ret;

	smudge_error_clear(err);
	ret = smi_screen_create(display->region, mode, &screen, err);
	if (ret < 0)
		return ret;
	smi_screen_destroy(display->screen);
	display->screen = screen;
	/* the frame is new: compare every page, written or not */
	smudge_client_mark(display->client, display->region, screen->first_page,
			   screen->npages);
	return 0;
}

const uint32_t *smudge_display_frame(const struct smudge_display *display,
				     uint32_t *ret_stride_bytes)
{
	if (ret_stride_bytes)
		*ret_stride_bytes = display->screen->line_bytes;
	return (const uint32_t *)display->screen->frame;
}

int smudge_display_stats(const struct smudge_display *display,
			 struct smudge_display_stats *stats)
{
	return smi_sys_stats_copy(stats, &display->stats,
				  SMI_SYS_SHAPE(smudge_display_stats, rects));
}
