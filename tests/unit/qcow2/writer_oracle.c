/* SPDX-License-Identifier: MIT */
/*
 * Images against a flat array: any order of calls, pages written again, several
 * threads, with and without a backing file. Read back by the naive reader, and
 * by qemu-img where there is one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image_rig.h"
#include "qcow2/writer.h"
#include "qemu_img.h"

#define MAX_PAGES 2500 /* five L2 tables, the last in part */
#define POOL	  600  /* pages that are written from */

static uint8_t *pool, *below, *disk, *got;
static struct smi_qcow2_digest digests[POOL];

struct round {
	struct test_rng *rng;
	struct smi_qcow2_writer *writer;
	uint64_t npages;
};

static uint64_t draw_range(struct round *round, uint64_t most,
			   uint64_t *ret_first)
{
	uint64_t n = test_rng_below(round->rng, most + 1);

	n = n < round->npages ? n : round->npages;
	*ret_first = test_rng_below(round->rng, round->npages - n + 1);
	return n;
}

static void check_digests(uint64_t first, uint64_t n, const uint8_t *bytes)
{
	for (uint64_t i = 0; i < n; i++)
		assert_true(smi_qcow2_digest_is_equal(
			digests[i],
			smi_qcow2_digest(first + i, bytes + i * PAGE_BYTES)));
}

static void write_data(struct round *round)
{
	bool drains = test_rng_below(round->rng, 4) == 0;
	uint64_t most = test_rng_below(round->rng, 3) ? 5 : POOL;
	uint64_t first, n = draw_range(round, most, &first);
	uint64_t from = test_rng_below(round->rng, POOL - n + 1);
	const uint8_t *bytes = pool + from * PAGE_BYTES;

	assert_int_equal(smi_qcow2_writer_data(round->writer, first, n, bytes,
					       drains ? digests : NULL, NULL),
			 0);
	memcpy(disk + first * PAGE_BYTES, bytes, n * PAGE_BYTES);
	if (!drains)
		return;
	assert_int_equal(smi_qcow2_writer_drain(round->writer, NULL), 0);
	check_digests(first, n, bytes);
}

static void write_zeros(struct round *round)
{
	uint64_t most = test_rng_below(round->rng, 3) ? 20 : 1500;
	uint64_t first, n = draw_range(round, most, &first);

	assert_int_equal(smi_qcow2_writer_zeros(round->writer, first, n, NULL),
			 0);
	memset(disk + first * PAGE_BYTES, 0, n * PAGE_BYTES);
}

static void finish(struct round *round)
{
	struct smi_qcow2_writer_stats stats;
	struct smudge_error err;
	int ret = smi_qcow2_writer_finish(round->writer, &stats, &err);

	if (ret)
		print_error("%s\n", err.message);
	assert_int_equal(ret, 0);
	assert_true(stats.compressed_pages <= stats.data_pages);
	smi_qcow2_writer_destroy(round->writer);
}

static void compare(int fd, uint64_t npages, bool has_backing)
{
	struct image image = image_open(fd);

	assert_int_equal(image.npages, npages);
	image_check(&image);
	memset(got, 0, npages * PAGE_BYTES);
	if (has_backing)
		memcpy(got, below, npages * PAGE_BYTES);
	image_read_all(&image, got);
	assert_memory_equal(got, disk, npages * PAGE_BYTES);
	image_close(&image);
	if (!qemu_img_is_there())
		return;
	scratch_raw("raw", disk, npages);
	assert_qemu_checks("image");
	assert_qemu_reads("image", "raw");
}

/* Return: the pages of its disk. */
static uint64_t write_image(struct test_rng *rng, const char *backing_name)
{
	const struct smi_qcow2_writer_options options = {
		.fd = scratch_file("image"),
		.npages = 1 + test_rng_below(rng, MAX_PAGES),
		.backing_name = backing_name,
		.compress = test_rng_below(rng, 4) != 0,
		.nthreads = (unsigned int)test_rng_below(rng, 5),
	};
	struct round round = {.rng = rng, .npages = options.npages};
	unsigned int ncalls = (unsigned int)test_rng_below(rng, 200);

	assert_int_equal(smi_qcow2_writer_create(&options, &round.writer, NULL),
			 0);
	memset(disk, 0, options.npages * PAGE_BYTES);
	if (backing_name)
		memcpy(disk, below, options.npages * PAGE_BYTES);
	for (unsigned int i = 0; i < ncalls; i++) {
		if (test_rng_below(rng, 4))
			write_data(&round);
		else
			write_zeros(&round);
	}
	finish(&round);
	compare(options.fd, options.npages, backing_name);
	close(options.fd);
	return options.npages;
}

static void fill_pool(struct test_rng *rng)
{
	for (size_t i = 0; i < POOL; i++)
		image_draw_page(rng, (unsigned int)test_rng_next(rng),
				pool + i * PAGE_BYTES);
}

static void run(const char *backing_name, const char *name)
{
	struct test_rng rng = test_rng_start(name);

	pool = malloc(POOL * PAGE_BYTES);
	below = malloc(MAX_PAGES * PAGE_BYTES);
	disk = malloc(MAX_PAGES * PAGE_BYTES);
	got = malloc(MAX_PAGES * PAGE_BYTES);
	assert_true(pool && below && disk && got);
	for (unsigned int i = test_rounds(12); i; i--) {
		uint64_t npages;

		fill_pool(&rng);
		npages = write_image(&rng, NULL);
		if (!backing_name)
			continue;
		/* It becomes the one below, and may be the shorter one. */
		assert_int_equal(rename("image", backing_name), 0);
		memset(below, 0, MAX_PAGES * PAGE_BYTES);
		memcpy(below, got, npages * PAGE_BYTES);
		write_image(&rng, backing_name);
	}
	free(got);
	free(disk);
	free(below);
	free(pool);
}

static void alone(void **state)
{
	run(NULL, "alone");
}

static void over_another(void **state)
{
	run("below", "over_another");
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, alone, over_another)
