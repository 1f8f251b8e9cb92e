/* SPDX-License-Identifier: MIT */
/*
 * Pictures of the screen; screendump.h.
 */
#include "screendump.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

#include <smudge/error.h>

#include "display.h"
#include "machine.h"

#define WHERE		"screendump"
#define BYTES_PER_PIXEL 4
#define RGB_BYTES	3

struct picture {
	const uint8_t *pixels; /* the guest's */
	uint32_t width;
	uint32_t height;
	size_t stride_bytes;
	uint8_t *rgb; /* one line */
};

/* The guest may draw meanwhile: every byte is read once. */
static void take_line(const struct picture *picture, uint32_t y)
{
	const uint8_t *from = picture->pixels + y * picture->stride_bytes;
	uint8_t *to = picture->rgb;
	uint32_t x;

	for (x = 0; x < picture->width; x++) {
		to[0] = from[2];
		to[1] = from[1];
		to[2] = from[0];
		from += BYTES_PER_PIXEL;
		to += RGB_BYTES;
	}
}

static int write_ppm(const struct picture *picture, FILE *file)
{
	uint32_t y;

	fprintf(file, "P6\n%u %u\n255\n", picture->width, picture->height);
	for (y = 0; y < picture->height; y++) {
		take_line(picture, y);
		if (fwrite(picture->rgb, RGB_BYTES, picture->width, file) !=
		    picture->width)
			return -EIO;
	}
	return 0;
}

static void quiet(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void write_lines(png_structp png, png_infop info,
			const struct picture *picture)
{
	uint32_t y;

	png_set_IHDR(png, info, picture->width, picture->height, 8,
		     PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
		     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (y = 0; y < picture->height; y++) {
		take_line(picture, y);
		png_write_row(png, picture->rgb);
	}
	png_write_end(png, info);
}

static int write_png(const struct picture *picture, FILE *file)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL,
						  NULL, quiet);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info) {
		png_destroy_write_struct(&png, NULL);
		return -ENOMEM;
	}
	if (setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return -EIO;
	}
	png_init_io(png, file);
	write_lines(png, info, picture);
	png_destroy_write_struct(&png, &info);
	return 0;
}

static int write_file(const struct picture *picture, const char *path,
		      int (*write_picture)(const struct picture *, FILE *))
{
	FILE *file = fopen(path, "we");
	int rc;

	if (!file)
		return -errno;
	rc = write_picture(picture, file);
	if (fclose(file) != 0 && !rc)
		rc = -errno;
	if (rc)
		unlink(path);
	return rc;
}

int screendump(struct machine *machine, const char *path, const char *format,
	       struct smudge_error *err)
{
	bool is_png = !strcmp(format, "png");
	const struct machine_ram *vram;
	struct display_mode mode;
	struct picture picture;
	int rc = -ENOMEM;

	if (!is_png && strcmp(format, "ppm") != 0)
		return smudge_error_set(err, -EINVAL, WHERE,
					"The format is png or ppm, not "
					"\"%.20s\".",
					format);
	vram = machine_display(machine, &mode, NULL);
	if (!vram)
		return smudge_error_set(err, -ENODEV, WHERE,
					"This machine has no display: it was "
					"started without --display.");
	picture = (struct picture){
		.pixels = vram->hva + display_first_byte(&mode),
		.width = mode.width,
		.height = mode.height,
		.stride_bytes = (size_t)mode.virt_width * BYTES_PER_PIXEL,
		.rgb = malloc((size_t)mode.width * RGB_BYTES),
	};
	if (picture.rgb)
		rc = write_file(&picture, path, is_png ? write_png : write_ppm);
	free(picture.rgb);
	if (rc)
		return smudge_error_set(err, rc, WHERE,
					"The picture %.100s cannot be written: "
					"%s.",
					path, strerror(-rc));
	return 0;
}
