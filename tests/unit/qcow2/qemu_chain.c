/* SPDX-License-Identifier: MIT */
/*
 * Chains that qemu-img makes and works on, at random: create, convert with and
 * without zstd, old and new version, cluster sizes, resize, rebase, commit.
 * What qemu-img reads of the top after each step is what the reader reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "folder.h"
#include "qcow2/format.h"
#include "qemu_img.h"

#define PAGE	   ((size_t)SMI_QCOW2_PAGE_BYTES)
#define MAX_PAGES  700
#define DISK_BYTES "2867200" /* MAX_PAGES of them */
#define NSTEPS	   12

static unsigned int nimages; /* the top is image-<nimages - 1> */

static const char *name_of(unsigned int image)
{
	static char names[2][32];
	static unsigned int at;

	at = !at;
	snprintf(names[at], sizeof(names[at]), "image-%u", image);
	return names[at];
}

static const char *top(void)
{
	return name_of(nimages - 1);
}

/* The options of a new image. */
static const char *draw_options(struct test_rng *rng)
{
	static const char *const sizes[] = {"4k", "8k", "64k", "2M"};
	static char options[100];
	bool is_old = test_rng_below(rng, 4) == 0;

	snprintf(options, sizeof(options), "cluster_size=%s,%s",
		 sizes[test_rng_below(rng, 4)],
		 is_old ? "compat=0.10" : "compression_type=zstd");
	return options;
}

static const char *draw_size(struct test_rng *rng)
{
	static char size[32];

	/* Sectors, so that it may end within a page. */
	snprintf(size, sizeof(size), "%llu",
		 (unsigned long long)(test_rng_below(rng, MAX_PAGES * 8) + 1) *
			 512);
	return size;
}

/* A raw file of random content: holes, zeros, text, noise. */
static void write_raw(struct test_rng *rng)
{
	uint64_t npages = test_rng_below(rng, MAX_PAGES) + 1;
	uint8_t *bytes = calloc(npages, PAGE);

	assert_non_null(bytes);
	for (uint64_t i = 0; i < npages; i++) {
		uint64_t kind = test_rng_below(rng, 4);

		for (size_t at = 0; kind && at < PAGE; at += 8) {
			uint64_t word = kind == 1 ? i : test_rng_next(rng);

			memcpy(bytes + i * PAGE + at, &word, 8);
		}
	}
	folder_write("raw", bytes, npages * PAGE);
	free(bytes);
}

/* A new top with the content of a raw file, compressed or not. */
static void convert(struct test_rng *rng)
{
	const char *options = draw_options(rng);
	bool is_zstd = strstr(options, "zstd") != NULL;

	write_raw(rng);
	assert_int_equal(
		QEMU_IMG("convert", "-f", "raw", "-O", "qcow2",
			 is_zstd && test_rng_below(rng, 2) ? "-c" : "-q", "-o",
			 options, "raw", name_of(nimages)),
		0);
	nimages++;
}

/* A new image over the top, that has what is different in a raw file. */
static void convert_over(struct test_rng *rng)
{
	char backed[64];

	write_raw(rng);
	snprintf(backed, sizeof(backed), "%s", top());
	assert_int_equal(truncate("raw", MAX_PAGES * PAGE), 0);
	assert_int_equal(QEMU_IMG("create", "-q", "-f", "qcow2", "-b", backed,
				  "-F", "qcow2", "-o", draw_options(rng),
				  name_of(nimages), DISK_BYTES),
			 0);
	nimages++;
	assert_int_equal(QEMU_IMG("convert", "-q", "-n", "-f", "raw", "-O",
				  "qcow2", "raw", top()),
			 0);
}

static void create_over(struct test_rng *rng)
{
	char backed[64];

	snprintf(backed, sizeof(backed), "./%s", top());
	assert_int_equal(QEMU_IMG("create", "-q", "-f", "qcow2", "-b", backed,
				  "-F", "qcow2", "-o", draw_options(rng),
				  name_of(nimages), draw_size(rng)),
			 0);
	nimages++;
}

/* Fails for an image of version 2 that would show more of what is below. */
static void resize(struct test_rng *rng)
{
	(void)QEMU_IMG("resize", "-q", "-f", "qcow2", "--shrink", top(),
		       draw_size(rng));
}

static bool top_has_backing(void)
{
	struct smi_qcow2_chain *chain = expect_chain(top());
	bool ret = smi_qcow2_chain_nimages(chain) > 1;

	smi_qcow2_chain_close(chain);
	return ret;
}

/* Into the image below, which becomes the top; fails as resize does. */
static void commit(struct test_rng *rng)
{
	(void)rng;
	if (top_has_backing() &&
	    QEMU_IMG("commit", "-q", "-d", "-f", "qcow2", top()) == 0)
		nimages--;
}

/* Onto nothing: what was below is copied into it. */
static void rebase(struct test_rng *rng)
{
	(void)rng;
	if (top_has_backing())
		assert_int_equal(QEMU_IMG("rebase", "-q", "-f", "qcow2", "-b",
					  "", top()),
				 0);
}

static void expect_as_qemu(struct test_rng *rng)
{
	uint8_t *bytes;
	size_t length;

	assert_int_equal(QEMU_IMG("convert", "-q", "-f", "qcow2", "-O", "raw",
				  top(), "expected"),
			 0);
	bytes = folder_read("expected", &length);
	expect_image(top(), bytes, length / PAGE, rng);
	free(bytes);
}

static void random_steps(void **state)
{
	static void (*const steps[])(struct test_rng *) = {
		convert,     convert_over, convert_over, create_over,
		create_over, resize,	   commit,	 rebase,
	};
	struct test_rng rng = test_rng_start("qemu_chain");

	(void)state;
	qemu_img_need();
	convert(&rng);
	for (unsigned int i = 0; i < test_rounds(NSTEPS); i++) {
		size_t step = test_rng_below(&rng, 8);

		steps[step](&rng);
		fprintf(stderr, "# step %zu: %s\n", step, top());
		expect_as_qemu(&rng);
	}
}

TEST_MAIN_WITH(folder_create, folder_remove, random_steps)
