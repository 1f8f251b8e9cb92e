/* SPDX-License-Identifier: MIT */
/*
 * Modes: which are accepted, where they are in the region, and their frames.
 *
 * A guest may have chosen the mode. All sums have 64 bits and cannot overflow:
 * at most 2^14 lines of 2^32 bytes. A line's pixels fit into the stride and all
 * lines into the region, so the frame is never larger than the region.
 */
#include "display/display.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sys/options.h"

#define WHERE "display"

static int check_side(const char *side, uint32_t pixels,
		      struct smudge_error *err)
{
	if (pixels - 1 < SMUDGE_DISPLAY_MAX_SIDE)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"a mode's %s is from 1 to %d pixels, not "
				"%" PRIu32,
				side, SMUDGE_DISPLAY_MAX_SIDE, pixels);
}

static int check_shape(const struct smudge_display_mode *m,
		       struct smudge_error *err)
{
	int ret = check_side("width", m->width, err);

	if (ret == 0)
		ret = check_side("height", m->height, err);
	if (ret < 0)
		return ret;
	if (m->offset_bytes % 4)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a mode at byte %" PRIu64
					" does not begin at a multiple of 4",
					m->offset_bytes);
	if (m->stride_bytes % 4)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a stride of %" PRIu32
					" bytes is not a multiple of 4",
					m->stride_bytes);
	if (m->stride_bytes < m->width * 4)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a stride of %" PRIu32
					" bytes is too short for lines of "
					"%" PRIu32 " pixels of 4 bytes",
					m->stride_bytes, m->width);
	return 0;
}

static int check_place(const struct smudge_region *region,
		       const struct smudge_display_mode *m, uint64_t size_bytes,
		       struct smudge_error *err)
{
	uint64_t region_bytes = smudge_region_npages(region)
				<< smudge_region_page_shift(region);

	if (m->offset_bytes <= region_bytes &&
	    size_bytes <= region_bytes - m->offset_bytes)
		return 0;
	smudge_error_set(err, -EINVAL, WHERE,
			 "a mode of %" PRIu64 " bytes at byte %" PRIu64
			 " ends beyond region %s of %" PRIu64 " bytes",
			 size_bytes, m->offset_bytes,
			 smudge_region_name(region), region_bytes);
	smudge_error_at(err, smudge_region_id(region), 0);
	return -EINVAL;
}

static int map_frame(struct smi_screen *s)
{
	void *frame;

	s->frame_bytes = (size_t)s->line_bytes * s->mode.height;
	frame = mmap(NULL, s->frame_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (frame == MAP_FAILED)
		return -ENOMEM;
	s->frame = frame;
	return 0;
}

static void place(struct smi_screen *s, const struct smudge_region *region,
		  uint64_t size_bytes)
{
	unsigned int shift = smudge_region_page_shift(region);
	uint64_t start = s->mode.offset_bytes;

	s->size_bytes = size_bytes;
	s->first_page = start >> shift;
	s->npages = ((start + size_bytes - 1) >> shift) + 1 - s->first_page;
	s->line_bytes = s->mode.width * 4;
}

int smi_screen_create(const struct smudge_region *region,
		      const struct smudge_display_mode *mode,
		      struct smi_screen **ret_screen, struct smudge_error *err)
{
	struct smudge_display_mode own;
	struct smi_screen *screen;
	uint64_t size_bytes;
	int ret = smi_sys_options_copy(
		&own, mode, SMI_SYS_SHAPE(smudge_display_mode, height), WHERE,
		err);

	if (ret == 0)
		ret = check_shape(&own, err);
	if (ret < 0)
		return ret;
	size_bytes =
		(uint64_t)(own.height - 1) * own.stride_bytes + own.width * 4;
	ret = check_place(region, &own, size_bytes, err);
	if (ret < 0)
		return ret;
	screen = calloc(1, sizeof(*screen));
	if (screen) {
		screen->mode = own;
		place(screen, region, size_bytes);
		smi_tiles_init(&screen->tiles, own.width, own.height);
	}
	if (!screen || map_frame(screen) < 0) {
		free(screen);
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a frame of %" PRIu32
					" x %" PRIu32 " pixels",
					mode->width, mode->height);
	}
	*ret_screen = screen;
	return 0;
}

void smi_screen_destroy(struct smi_screen *screen)
{
	if (!screen)
		return;
	munmap(screen->frame, screen->frame_bytes);
	free(screen);
}
