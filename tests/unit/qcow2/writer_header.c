/* SPDX-License-Identifier: MIT */
/*
 * The header of images: the compression type only where something is
 * compressed, the backing file's name and format, smudge's extension.
 */
#include <string.h>
#include <unistd.h>

#include "qcow2/format.h"
#include "qemu_img.h"
#include "writer_rig.h"

static uint8_t page[PAGE_BYTES];

/* Where an extension's payload is; 0: there is none. */
static uint64_t find_extension(const struct image *image, uint32_t type,
			       uint64_t *ret_bytes)
{
	uint64_t at = image_number(image, 100, 4);

	*ret_bytes = 0;
	while (image_number(image, at, 4)) {
		*ret_bytes = image_number(image, at + 4, 4);
		if (image_number(image, at, 4) == type)
			return at + 8;
		at += 8 + (*ret_bytes + 7) / 8 * 8;
	}
	return 0;
}

static struct image write_image(const struct smi_qcow2_writer_options *options,
				unsigned int kind)
{
	struct test_rng rng = test_rng_start("header");
	struct smi_qcow2_writer *writer;

	assert_int_equal(smi_qcow2_writer_create(options, &writer, NULL), 0);
	image_draw_page(&rng, kind, page);
	if (options->npages)
		writer_rig_data(writer, 0, 1, page);
	writer_rig_end(writer);
	return image_open(options->fd);
}

static void check_and_close(struct image *image, int fd)
{
	image_check(image);
	image_close(image);
	close(fd);
	if (qemu_img_is_there())
		assert_qemu_checks("image");
}

static void compression_type(void **state)
{
	struct smi_qcow2_writer_options options = {.npages = 1};

	for (unsigned int compressible = 0; compressible < 2; compressible++) {
		for (unsigned int compress = 0; compress < 2; compress++) {
			bool is = compressible && compress;
			struct image image;

			options.fd = scratch_file("image");
			options.compress = compress;
			image = write_image(&options, compressible ? 2 : 1);
			assert_int_equal(image_number(&image, 72, 8),
					 is ? 8 : 0);
			assert_int_equal(image.bytes[104], is);
			check_and_close(&image, options.fd);
		}
	}
}

static void backing_file(void **state)
{
	char name[1024];
	struct smi_qcow2_writer_options options = {.npages = 1,
						   .backing_name = name};
	struct image image;
	uint64_t at, bytes;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	options.fd = scratch_file("image");
	image = write_image(&options, 2);
	at = image_number(&image, 8, 8);
	assert_int_equal(image_number(&image, 16, 4), 1023);
	assert_true(at + 1023 <= 4096);
	assert_memory_equal(image.bytes + at, name, 1023);
	at = find_extension(&image, SMI_QCOW2_EXT_BACKING_FORMAT, &bytes);
	assert_int_equal(bytes, 5);
	assert_memory_equal(image.bytes + at, "qcow2", 5);
	image_check(&image);
	image_close(&image);
	close(options.fd);
}

static void extension(void **state)
{
	uint8_t hint[256];
	struct smi_qcow2_writer_options options = {
		.npages = 1, .backing_name = "image", .hint = hint};

	memset(hint, 0xa5, sizeof(hint));
	for (size_t n = 1; n <= sizeof(hint); n += 51) {
		struct image image;
		uint64_t at, bytes;

		options.fd = scratch_file("image");
		options.hint_bytes = n;
		image = write_image(&options, 2);
		at = find_extension(&image, SMI_QCOW2_EXT_SMUDGE, &bytes);
		assert_int_equal(bytes, n);
		assert_memory_equal(image.bytes + at, hint, n);
		image_check(&image);
		image_close(&image);
		close(options.fd);
	}
}

static void none_of_them(void **state)
{
	struct smi_qcow2_writer_options options = {.npages = 1};
	struct image image;
	uint64_t bytes;

	options.fd = scratch_file("image");
	image = write_image(&options, 2);
	assert_int_equal(image_number(&image, 8, 8), 0);
	assert_int_equal(image_number(&image, 16, 4), 0);
	assert_int_equal(find_extension(&image, SMI_QCOW2_EXT_SMUDGE, &bytes),
			 0);
	assert_int_equal(
		find_extension(&image, SMI_QCOW2_EXT_BACKING_FORMAT, &bytes),
		0);
	check_and_close(&image, options.fd);
}

static void empty_disk(void **state)
{
	struct smi_qcow2_writer_options options = {.npages = 0};
	struct image image;

	options.fd = scratch_file("image");
	image = write_image(&options, 0);
	assert_int_equal(image.npages, 0);
	check_and_close(&image, options.fd);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, compression_type, backing_file,
	       extension, none_of_them, empty_disk)
