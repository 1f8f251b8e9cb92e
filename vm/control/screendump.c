/* SPDX-License-Identifier: MIT */
/*
 * Pictures of the screen, as PPM and PNG.
 */
#include "control/screendump.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include <smudge/error.h>

#include "common/file.h"
#include "devices/framebuffer.h"
#include "machine/lost.h"
#include "machine/machine.h"

#define WHERE		"screendump"
#define BYTES_PER_PIXEL 4
#define RGB_BYTES	3

struct picture {
	uint32_t width;
	uint32_t height;
	uint8_t *rgb; /* owned */
};

/* The guest may draw meanwhile: every byte is read once. */
static int take(const struct ram_piece *vram,
		const struct framebuffer_mode *mode, struct picture *ret)
{
	uint8_t *to = malloc((size_t)mode->width * mode->height * RGB_BYTES);
	const uint8_t *line = vram->hva + framebuffer_first_byte(mode);

	if (!to)
		return -ENOMEM;
	*ret = (struct picture){mode->width, mode->height, to};
	for (uint32_t y = 0; y < mode->height; y++) {
		for (uint32_t x = 0; x < mode->width; x++) {
			*to++ = line[x * BYTES_PER_PIXEL + 2];
			*to++ = line[x * BYTES_PER_PIXEL + 1];
			*to++ = line[x * BYTES_PER_PIXEL];
		}
		line += (size_t)mode->virt_width * BYTES_PER_PIXEL;
	}
	return 0;
}

/*
 * Both encoders: @ret receives the file's bytes, which the caller frees.
 * Return: 0 or -errno.
 */

static int encode_ppm(const struct picture *picture, uint8_t **ret,
		      size_t *ret_len)
{
	size_t rgb_bytes = (size_t)picture->width * picture->height * RGB_BYTES;
	char head[64];
	int len = snprintf(head, sizeof(head), "P6\n%u %u\n255\n",
			   picture->width, picture->height);
	uint8_t *bytes = malloc((size_t)len + rgb_bytes);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, head, (size_t)len);
	memcpy(bytes + len, picture->rgb, rgb_bytes);
	*ret = bytes;
	*ret_len = (size_t)len + rgb_bytes;
	return 0;
}

static int encode_png(const struct picture *picture, uint8_t **ret,
		      size_t *ret_len)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
			   .width = picture->width,
			   .height = picture->height,
			   .format = PNG_FORMAT_RGB,
			   .flags = PNG_IMAGE_FLAG_FAST};
	png_alloc_size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
	uint8_t *bytes = malloc(len);

	if (!bytes)
		return -ENOMEM;
	if (!png_image_write_to_memory(&image, bytes, &len, 0, picture->rgb, 0,
				       NULL)) {
		free(bytes);
		return -ENOMEM; /* memory is the only thing that it can lack */
	}
	*ret = bytes;
	*ret_len = len;
	return 0;
}

/*
 * This thread serves all QMP clients, so it must not wait for a device or a
 * reader.
 */
static int write_file(const struct picture *picture, const char *path,
		      bool is_png)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	int ret = is_png ? encode_png(picture, &bytes, &len)
			 : encode_ppm(picture, &bytes, &len);

	if (!ret)
		ret = file_write(path, bytes, len, FILE_NO_WAIT);
	free(bytes);
	return ret;
}

int screendump(struct machine *machine, const char *path, const char *format,
	       struct smudge_error *err)
{
	bool is_png = !strcmp(format, "png");
	const struct ram_piece *vram;
	struct framebuffer_mode mode;
	struct picture picture;
	int ret;

	if (!is_png && strcmp(format, "ppm") != 0)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the format is png or ppm, not "
					"'%.20s'",
					format);
	vram = machine_framebuffer(machine, &mode, NULL);
	if (!vram)
		return smudge_error_set(err, -ENODEV, WHERE,
					"this machine has no display: it was "
					"started without --display");
	ret = take(vram, &mode, &picture);
	if (!ret && machine_check_memory(machine, err)) {
		free(picture.rgb);
		return -EIO;
	}
	if (!ret) {
		ret = write_file(&picture, path, is_png);
		free(picture.rgb);
	}
	if (ret)
		return smudge_error_set(err, ret, WHERE,
					"the picture %.100s cannot be written: "
					"%s",
					path, file_reason(ret));
	return 0;
}
