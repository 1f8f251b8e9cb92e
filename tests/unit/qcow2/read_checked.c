/* SPDX-License-Identifier: MIT */
/*
 * A check ends the read that it looks at, not the reader; and what was
 * located is known: tables are not read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"

#define PAGE   ((size_t)SMI_QCOW2_PAGE_BYTES)
#define NPAGES 8192

static uint8_t *disk;

/* Raw, compressed, zeros and none by turns. Return: where a table is. */
static uint64_t make_image(const char *name, struct test_rng *rng)
{
	struct builder_options options = {.disk_bytes = NPAGES * PAGE};
	struct builder builder;
	uint64_t table_off;

	disk = calloc(NPAGES, PAGE);
	assert_non_null(disk);
	builder_start(&builder, &options);
	for (uint64_t i = 0; i < NPAGES; i++) {
		uint64_t kind = test_rng_below(rng, 4);

		if (kind < 2)
			memset(disk + i * PAGE, (int)i | 1, PAGE);
		if (kind == 0)
			builder_raw(&builder, i, disk + i * PAGE);
		else if (kind == 1)
			builder_zstd(&builder, i, disk + i * PAGE);
		else if (kind == 2)
			builder_zeros(&builder, i);
	}
	table_off = builder_entry_off(&builder, NPAGES / 2) & ~(PAGE - 1);
	builder_save(&builder, name);
	return table_off;
}

struct limit {
	uint64_t left; /* pages until it fails */
	bool has_failed;
};

static int fail_later(void *opaque, uint64_t first_page, uint64_t npages,
		      const uint8_t *bytes)
{
	struct limit *limit = opaque;

	(void)first_page;
	(void)bytes;
	assert_false(limit->has_failed);
	if (npages <= limit->left) {
		limit->left -= npages;
		return 0;
	}
	limit->has_failed = true;
	return -EXDEV;
}

static void a_check_ends_the_read(void **state)
{
	struct test_rng rng = test_rng_start("read_checked");
	struct smi_qcow2_reader *reader;
	struct smi_qcow2_chain *chain;
	uint8_t *buffer = malloc(NPAGES * PAGE);

	(void)state;
	make_image("image", &rng);
	chain = expect_chain("image");
	reader = expect_reader(chain, 0, 0);
	for (unsigned int i = 0; i < test_rounds(50); i++) {
		struct limit limit = {.left = test_rng_below(&rng, NPAGES)};
		const struct smi_qcow2_check check = {fail_later, &limit};
		struct smudge_error err = SMUDGE_ERROR_INIT;

		assert_int_equal(smi_qcow2_reader_read_checked(reader, 0,
							       NPAGES, buffer,
							       &check, &err),
				 -EXDEV);
		assert_true(limit.has_failed);
		assert_int_equal(err.code, 0);
		assert_int_equal(
			smi_qcow2_reader_read(reader, 0, NPAGES, buffer, &err),
			0);
		assert_memory_equal(buffer, disk, NPAGES * PAGE);
	}
	smi_qcow2_reader_destroy(reader);
	smi_qcow2_chain_close(chain);
	free(buffer);
	free(disk);
}

/* The file stays as long as it was, but one of its tables is gone. */
static void lose_table(const char *name, uint64_t table_off)
{
	static const uint8_t zeros[SMI_QCOW2_PAGE_BYTES];
	int fd = openat(folder_fd, name, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, zeros, PAGE, (off_t)table_off), PAGE);
	close(fd);
}

static void what_was_located_is_known(void **state)
{
	struct test_rng rng = test_rng_start("read_checked located");
	uint64_t table_off = make_image("lost", &rng);
	struct smi_qcow2_chain *chain = expect_chain("lost");
	struct smi_qcow2_reader *located = expect_reader(chain, 0, 0);
	struct smi_qcow2_reader *other = expect_reader(chain, 0, 0);
	uint8_t *buffer = malloc(NPAGES * PAGE);

	(void)state;
	assert_int_equal(smi_qcow2_reader_locate(located, 0, NPAGES, NULL), 0);
	assert_int_equal(smi_qcow2_reader_locate(located, 5, 5, NULL), 0);
	assert_int_equal(smi_qcow2_reader_locate(located, 0, NPAGES + 1, NULL),
			 -EINVAL);
	lose_table("lost", table_off);
	for (uint64_t i = 0; i < NPAGES; i += 64)
		assert_int_equal(smi_qcow2_reader_read(located, i, 64,
						       buffer + i * PAGE, NULL),
				 0);
	assert_memory_equal(buffer, disk, NPAGES * PAGE);
	assert_int_equal(smi_qcow2_reader_read(other, 0, NPAGES, buffer, NULL),
			 0);
	assert_int_not_equal(memcmp(buffer, disk, NPAGES * PAGE), 0);
	smi_qcow2_reader_destroy(other);
	smi_qcow2_reader_destroy(located);
	smi_qcow2_chain_close(chain);
	free(buffer);
	free(disk);
}

TEST_MAIN_WITH(folder_create, folder_remove, a_check_ends_the_read,
	       what_was_located_is_known)
