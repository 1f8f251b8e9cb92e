/* SPDX-License-Identifier: MIT */
/*
 * Reading a region: every byte of any range, nothing beside it, and only what
 * was there at some moment while a thread writes.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/smudge.h>

#include "sys/page.h"

#define NPAGES	   8
#define PAGE_BYTES 4096
#define BYTES	   (NPAGES * PAGE_BYTES)

static struct smudge_memory *memory;
static struct smudge_region *region;
static uint8_t *ram;

static int set_up(void **state)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.size_bytes = BYTES,
	};

	ram = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
	options.hva = ram;
	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	smudge_memory_destroy(memory, NULL);
	munmap(ram, BYTES);
	return 0;
}

static void fill(struct test_rng *rng)
{
	for (size_t i = 0; i < BYTES; i++)
		ram[i] = (uint8_t)test_rng_next(rng);
}

static void any_range(void **state)
{
	static uint8_t copy[BYTES + 2];
	struct test_rng rng = test_rng_start(__func__);

	fill(&rng);
	for (int i = 0; i < 5000; i++) {
		size_t at = test_rng_below(&rng, BYTES);
		size_t n = test_rng_below(&rng, i % 2 ? 600 : BYTES - at + 1);

		if (n > BYTES - at)
			n = BYTES - at;
		memset(copy, 0xa5, sizeof(copy));
		assert_int_equal(
			smudge_region_read_bytes(region, at, n, copy + 1, NULL),
			0);
		assert_memory_equal(copy + 1, ram + at, n);
		assert_int_equal(copy[0], 0xa5);
		assert_int_equal(copy[1 + n], 0xa5);
	}
}

static void pages(void **state)
{
	static uint8_t copy[BYTES];
	struct test_rng rng = test_rng_start(__func__);

	fill(&rng);
	assert_int_equal(smudge_region_read(region, 0, NPAGES, copy, NULL), 0);
	assert_memory_equal(copy, ram, BYTES);
	memset(copy, 0, sizeof(copy));
	assert_int_equal(smudge_region_read(region, 3, 2, copy, NULL), 0);
	assert_memory_equal(copy, ram + 3 * PAGE_BYTES, 2 * PAGE_BYTES);
	assert_int_equal(copy[2 * PAGE_BYTES], 0);
	assert_int_equal(smudge_region_read(region, NPAGES, 0, copy, NULL), 0);
}

static void ranges_outside(void **state)
{
	static const uint64_t ranges[][2] = {
		{0, NPAGES + 1}, {NPAGES, 1},	  {NPAGES + 1, 0},
		{1, UINT64_MAX}, {UINT64_MAX, 1}, {UINT64_MAX, UINT64_MAX},
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t copy[PAGE_BYTES] = {1};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		assert_int_equal(smudge_region_read(region, ranges[i][0],
						    ranges[i][1], copy, &err),
				 -EINVAL);
		assert_non_null(strstr(err.message, "region ram"));
		assert_int_equal(copy[0], 1);
	}
	assert_int_equal(
		smudge_region_read_bytes(region, BYTES - 1, 2, copy, &err),
		-EINVAL);
	assert_int_equal(smudge_region_read_bytes(region, UINT64_MAX, SIZE_MAX,
						  copy, &err),
			 -EINVAL);
}

/* Any bit of any byte, at every length and alignment, is seen. */
static void zero_or_not(void **state)
{
	uint8_t bytes[400 + 16] = {0};

	for (size_t at = 0; at < 16; at++) {
		for (size_t n = 0; n <= 400; n += n < 140 ? 1 : 13) {
			assert_true(smi_sys_page_is_zero(bytes + at, n));
			for (size_t i = 0; i < n; i += 1 + n / 50) {
				bytes[at + i] = (uint8_t)(1u << (i & 7));
				assert_false(
					smi_sys_page_is_zero(bytes + at, n));
				bytes[at + i] = 0;
			}
		}
	}
	bytes[0] = bytes[17] = 1; /* beside it */
	assert_true(smi_sys_page_is_zero(bytes + 1, 16));
}

static _Atomic bool over;

static void *write_words(void *opaque)
{
	_Atomic uint64_t *words = opaque;

	/* Relaxed: the reader needs no order. */
	for (uint64_t n = 0; !atomic_load_explicit(&over, memory_order_relaxed);
	     n++) {
		uint64_t word = n & 1 ? UINT64_MAX : 0;

		for (size_t i = 0; i < PAGE_BYTES / 8; i++)
			atomic_store_explicit(&words[i], word,
					      memory_order_relaxed);
	}
	return NULL;
}

static void a_page_that_is_being_written(void **state)
{
	uint64_t copy[PAGE_BYTES / 8];
	pthread_t thread;
	uint64_t mixed = 0;

	memset(ram, 0, PAGE_BYTES);
	atomic_store(&over, false);
	assert_int_equal(pthread_create(&thread, NULL, write_words, ram), 0);
	for (int i = 0; i < 20000; i++) {
		uint64_t ones = 0;

		assert_int_equal(smudge_region_read(region, 0, 1, copy, NULL),
				 0);
		for (size_t k = 0; k < PAGE_BYTES / 8; k++) {
			const uint8_t *byte = (const uint8_t *)&copy[k];

			for (size_t b = 0; b < 8; b++)
				assert_true(byte[b] == 0 || byte[b] == 0xff);
			ones += copy[k] != 0;
		}
		mixed += ones && ones < PAGE_BYTES / 8;
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	printf("# %d copies, %d of two moments\n", 20000, (int)mixed);
}

TEST_MAIN_WITH(set_up, tear_down, any_range, pages, ranges_outside, zero_or_not,
	       a_page_that_is_being_written)
