/* SPDX-License-Identifier: MIT */
/*
 * Pictures of the screen; screendump.h.
 */
#include "screendump.h"

#include <errno.h>
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
	uint32_t width;
	uint32_t height;
	uint8_t *rgb; /* owned */
};

/* The guest may draw meanwhile: every byte is read once. */
static int take(const struct machine_ram *vram, const struct display_mode *mode,
		struct picture *ret)
{
	uint8_t *to = malloc((size_t)mode->width * mode->height * RGB_BYTES);
	const uint8_t *line = vram->hva + display_first_byte(mode);
	uint32_t x, y;

	if (!to)
		return -ENOMEM;
	*ret = (struct picture){mode->width, mode->height, to};
	for (y = 0; y < mode->height; y++) {
		for (x = 0; x < mode->width; x++) {
			*to++ = line[x * BYTES_PER_PIXEL + 2];
			*to++ = line[x * BYTES_PER_PIXEL + 1];
			*to++ = line[x * BYTES_PER_PIXEL];
		}
		line += (size_t)mode->virt_width * BYTES_PER_PIXEL;
	}
	return 0;
}

static int write_ppm(const struct picture *picture, FILE *file)
{
	size_t count = (size_t)picture->width * picture->height;

	fprintf(file, "P6\n%u %u\n255\n", picture->width, picture->height);
	return fwrite(picture->rgb, RGB_BYTES, count, file) == count ? 0 : -EIO;
}

static int write_png(const struct picture *picture, FILE *file)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = picture->width,
			   .height = picture->height,
			   .format = PNG_FORMAT_RGB};

	return png_image_write_to_stdio(&image, file, 0, picture->rgb, 0, NULL)
		       ? 0
		       : -EIO;
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
	int rc;

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
	rc = take(vram, &mode, &picture);
	if (!rc) {
		rc = write_file(&picture, path, is_png ? write_png : write_ppm);
		free(picture.rgb);
	}
	if (rc)
		return smudge_error_set(err, rc, WHERE,
					"The picture %.100s cannot be written: "
					"%s.",
					path, strerror(-rc));
	return 0;
}
