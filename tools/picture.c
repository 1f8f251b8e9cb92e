/* SPDX-License-Identifier: MIT */
/*
 * Pictures of a screen in memory, and PNG files of them.
 */
#include "picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include <smudge/error.h>

#include "clock.h"
#include "common/file.h"

#define RGB_BYTES  3
#define GAP_PIXELS 8

static int allocate(uint32_t width, uint32_t height,
		    struct picture *ret_picture)
{
	uint8_t *rgb = calloc((size_t)width * height, RGB_BYTES);

	if (!rgb)
		return -ENOMEM;
	*ret_picture = (struct picture){width, height, rgb};
	return 0;
}

int picture_copy(const uint32_t *pixels, uint32_t width, uint32_t height,
		 struct picture *ret_picture)
{
	struct picture picture;
	size_t count = (size_t)width * height;
	int ret = allocate(width, height, &picture);

	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		picture.rgb[i * RGB_BYTES] = (uint8_t)(pixels[i] >> 16);
		picture.rgb[i * RGB_BYTES + 1] = (uint8_t)(pixels[i] >> 8);
		picture.rgb[i * RGB_BYTES + 2] = (uint8_t)pixels[i];
	}
	picture_free(ret_picture);
	*ret_picture = picture;
	return 0;
}

void picture_free(struct picture *picture)
{
	free(picture->rgb);
	*picture = (struct picture){0};
}

bool picture_equal(const struct picture *a, const struct picture *b)
{
	return a->width == b->width && a->height == b->height &&
	       !memcmp(a->rgb, b->rgb,
		       (size_t)a->width * a->height * RGB_BYTES);
}

int picture_write_png(const struct picture *picture, const char *path,
		      struct smudge_error *err)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = picture->width,
			   .height = picture->height,
			   .format = PNG_FORMAT_RGB};

	png_alloc_size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
	uint8_t *bytes = malloc(len);
	int ret = -ENOMEM;

	if (bytes && png_image_write_to_memory(&image, bytes, &len, 0,
					       picture->rgb, 0, NULL))
		ret = file_write(path, bytes, len, interrupt_end_fd());
	free(bytes);
	if (ret)
		return smudge_error_set(err, ret, "picture",
					"the picture %.100s cannot be written: "
					"%s",
					path, file_reason(ret));
	return 0;
}

static void put(const struct picture *from, struct picture *to, uint32_t x)
{
	for (uint32_t y = 0; y < from->height; y++)
		memcpy(to->rgb + ((size_t)y * to->width + x) * RGB_BYTES,
		       from->rgb + (size_t)y * from->width * RGB_BYTES,
		       (size_t)from->width * RGB_BYTES);
}

int picture_beside(const struct picture *left, const struct picture *right,
		   struct picture *ret_picture)
{
	uint32_t height =
		left->height > right->height ? left->height : right->height;
	int ret = allocate(left->width + GAP_PIXELS + right->width, height,
			   ret_picture);

	if (ret)
		return ret;
	put(left, ret_picture, 0);
	put(right, ret_picture, left->width + GAP_PIXELS);
	return 0;
}
