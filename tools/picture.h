/* SPDX-License-Identifier: MIT */
/*
 * A picture of a screen, three bytes per pixel, and PNG files of it.
 */
#ifndef TOOLS_PICTURE_H
#define TOOLS_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

struct smudge_error;

struct picture {
	uint32_t width; /* pixels; 0: none */
	uint32_t height;
	uint8_t *rgb; /* owned */
};

/*
 * picture_copy - make a picture from pixels of 0x00rrggbb
 * Return: 0 or -ENOMEM; what @ret_picture held before is freed on success.
 */
int picture_copy(const uint32_t *pixels, uint32_t width, uint32_t height,
		 struct picture *ret_picture);
void picture_free(struct picture *picture);
bool picture_equal(const struct picture *a, const struct picture *b);

/*
 * Create or replace the file, as file_write does (common/file.h).
 * Return: 0, or -errno with one sentence.
 */
int picture_write_png(const struct picture *picture, const char *path,
		      struct smudge_error *err);

/* Put both into one picture, @left beside @right. Return: 0 or -ENOMEM. */
int picture_beside(const struct picture *left, const struct picture *right,
		   struct picture *ret_picture);

#endif
