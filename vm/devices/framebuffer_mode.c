/* SPDX-License-Identifier: MIT */
/*
 * Where a mode's pixels are in the framebuffer, and which modes fit into it.
 */
#include "devices/framebuffer.h"

uint64_t framebuffer_first_byte(const struct framebuffer_mode *mode)
{
	return ((uint64_t)mode->y_offset * mode->virt_width + mode->x_offset) *
	       FRAMEBUFFER_BYTES_PER_PIXEL;
}

bool framebuffer_mode_fits(const struct framebuffer_mode *mode,
			   uint64_t vram_bytes)
{
	uint64_t lines = (uint64_t)mode->y_offset + mode->height;

	return mode->width && mode->height &&
	       mode->width <= FRAMEBUFFER_MAX_WIDTH &&
	       mode->height <= FRAMEBUFFER_MAX_HEIGHT &&
	       (uint32_t)mode->x_offset + mode->width <= mode->virt_width &&
	       lines * mode->virt_width * FRAMEBUFFER_BYTES_PER_PIXEL <=
		       vram_bytes;
}
