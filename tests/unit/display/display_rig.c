/* SPDX-License-Identifier: MIT */
/*
 * The oracle: a copy of the frame as it was, compared pixel by pixel.
 */
#include "display_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_source.h"
#include "racing.h"

void rig_start(struct display_rig *rig, uint64_t npages,
	       unsigned int page_shift)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "screen",
		.size_bytes = npages << page_shift,
		.page_shift = page_shift,
	};

	*rig = (struct display_rig){.size_bytes = options.size_bytes,
				    .page_shift = page_shift};
	rig->bytes = mmap(NULL, rig->size_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(rig->bytes != MAP_FAILED);
	options.hva = rig->bytes;
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	assert_int_equal(
		smudge_region_add(rig->memory, &options, &rig->region, NULL),
		0);
}

void rig_stop(struct display_rig *rig)
{
	struct smudge_memory_stats stats;

	rig_close(rig);
	stats = fake_stats(rig->memory);
	assert_int_equal(stats.nclients, 0);
	assert_int_equal(stats.bitmap_bytes, 0);
	assert_int_equal(stats.nsources_running, 0);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	munmap(rig->bytes, rig->size_bytes);
}

struct smudge_display_mode rig_mode(uint64_t offset_bytes,
				    uint32_t stride_bytes, uint32_t width,
				    uint32_t height)
{
	return (struct smudge_display_mode){
		.size = sizeof(struct smudge_display_mode),
		.offset_bytes = offset_bytes,
		.stride_bytes = stride_bytes,
		.width = width,
		.height = height,
	};
}

/* Nothing was sent yet: frames begin black. */
static void remember_mode(struct display_rig *rig,
			  struct smudge_display_mode mode)
{
	size_t npixels = (size_t)mode.width * mode.height;
	const uint32_t *frame = smudge_display_frame(rig->display, NULL);

	free(rig->before);
	rig->before = calloc(npixels, 4);
	assert_non_null(rig->before);
	assert_memory_equal(rig->before, frame, npixels * 4);
	assert_int_equal((uintptr_t)frame % 64, 0);
	rig->mode = mode;
	rig->is_new = true;
}

void rig_open(struct display_rig *rig, struct smudge_display_mode mode)
{
	struct smudge_error err = {0};
	int ret = smudge_display_open(rig->memory, rig->region, &mode,
				      &rig->display, &err);

	if (ret < 0)
		fail_msg("open: %s", err.message);
	remember_mode(rig, mode);
}

void rig_set_mode(struct display_rig *rig, struct smudge_display_mode mode)
{
	struct smudge_error err = {0};

	if (smudge_display_set_mode(rig->display, &mode, &err) < 0)
		fail_msg("set_mode: %s", err.message);
	remember_mode(rig, mode);
}

void rig_close(struct display_rig *rig)
{
	smudge_display_close(rig->display);
	rig->display = NULL;
	free(rig->before);
	rig->before = NULL;
}

void rig_store(struct display_rig *rig, uint64_t offset_bytes, uint32_t pixel)
{
	racing_store(rig->bytes + offset_bytes, pixel);
}

uint32_t rig_load(const struct display_rig *rig, uint64_t offset_bytes)
{
	return racing_load(rig->bytes + offset_bytes);
}

void rig_write(struct display_rig *rig, uint64_t offset_bytes, uint32_t pixel)
{
	rig_store(rig, offset_bytes, pixel);
	smudge_region_mark(rig->region, offset_bytes >> rig->page_shift, 1);
}

uint64_t rig_at(const struct display_rig *rig, uint32_t x, uint32_t y)
{
	return rig->mode.offset_bytes + (uint64_t)y * rig->mode.stride_bytes +
	       x * UINT64_C(4);
}

static bool is_inside(const struct smudge_rect *rect, uint32_t x, uint32_t y)
{
	return x >= rect->x && x - rect->x < rect->width && y >= rect->y &&
	       y - rect->y < rect->height;
}

/* Pixels that differ from those before, all of them, in the rectangles? */
static void check_changes(struct display_rig *rig,
			  const struct smudge_rect *rects, size_t nrects)
{
	const uint32_t *frame = smudge_display_frame(rig->display, NULL);
	bool has_change[SMUDGE_DISPLAY_MAX_RECTS] = {false};

	for (uint32_t y = 0; y < rig->mode.height; y++) {
		for (uint32_t x = 0; x < rig->mode.width; x++) {
			size_t at = (size_t)y * rig->mode.width + x;
			bool is_covered = false;

			if (frame[at] == rig->before[at])
				continue;
			for (size_t i = 0; i < nrects; i++) {
				if (is_inside(&rects[i], x, y))
					is_covered = has_change[i] = true;
			}
			if (!is_covered)
				fail_msg("(%u, %u) changed unseen", x, y);
		}
	}
	for (size_t i = 0; i < nrects && !rig->is_new; i++)
		assert_true(has_change[i]);
}

size_t rig_refresh_live(struct display_rig *rig, struct smudge_rect *rects,
			size_t max_rects)
{
	const struct smudge_display_mode *m = &rig->mode;
	struct smudge_error err = {0};
	uint32_t stride = 0;
	size_t n = 0;

	if (smudge_display_refresh(rig->display, rects, max_rects, &n, &err) <
	    0)
		fail_msg("refresh: %s", err.message);
	assert_true(n <= max_rects);
	assert_true(n <= SMUDGE_DISPLAY_MAX_RECTS);
	for (size_t i = 0; i < n; i++) {
		const struct smudge_rect *r = &rects[i];

		assert_true(r->width && r->height);
		assert_true(r->x < m->width && r->width <= m->width - r->x);
		assert_true(r->y < m->height && r->height <= m->height - r->y);
	}
	check_changes(rig, rects, n);
	if (rig->is_new) {
		const struct smudge_rect all = {0, 0, m->width, m->height};

		assert_int_equal(n, 1);
		assert_memory_equal(&rects[0], &all, sizeof(all));
	}
	rig->is_new = false;
	memcpy(rig->before, smudge_display_frame(rig->display, &stride),
	       (size_t)m->width * m->height * 4);
	assert_int_equal(stride, m->width * 4);
	return n;
}

size_t rig_refresh(struct display_rig *rig, struct smudge_rect *rects,
		   size_t max_rects)
{
	size_t n = rig_refresh_live(rig, rects, max_rects);

	for (uint32_t y = 0; y < rig->mode.height; y++)
		assert_memory_equal(rig->before + (size_t)y * rig->mode.width,
				    rig->bytes + rig_at(rig, 0, y),
				    rig->mode.width * 4);
	return n;
}

void rig_refuses(struct display_rig *rig, struct smudge_display_mode mode,
		 const char *word)
{
	struct smudge_display *display = NULL;
	struct smudge_error err = {0}, second = {0};
	const uint32_t *frame;

	assert_int_equal(smudge_display_open(rig->memory, rig->region, &mode,
					     &display, &err),
			 -EINVAL);
	assert_null(display);
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.message, word));
	assert_int_equal(fake_stats(rig->memory).nclients,
			 rig->display ? 1 : 0);
	if (!rig->display)
		return;
	frame = smudge_display_frame(rig->display, NULL);
	assert_int_equal(smudge_display_set_mode(rig->display, &mode, &second),
			 -EINVAL);
	assert_string_equal(second.message, err.message);
	assert_ptr_equal(smudge_display_frame(rig->display, NULL), frame);
}
