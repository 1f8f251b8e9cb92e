/* SPDX-License-Identifier: MIT */
/*
 * A process with as many mappings as it may have: stores to tracked memory
 * still work, and more is reported, never less; a source that cannot start
 * has protected nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/mprotect.h>

#include "track.h"

#define NPAGES 8192
#define BYTES  (NPAGES * (size_t)4096)
/* Of a region of PROT_NONE, which are made readable one by one. */
#define MAX_FILL ((size_t)1 << 18)

static uint8_t *map(size_t bytes, int prot)
{
	uint8_t *at = mmap(NULL, bytes, prot,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

/* Use up all mappings but about @nleft. */
static uint8_t *fill(size_t nleft)
{
	uint8_t *area = map(MAX_FILL * 4096, PROT_NONE);
	size_t n = 0;

	while (n < MAX_FILL && mprotect(area + n * 4096, 4096, PROT_READ) == 0)
		n += 2;
	if (n >= MAX_FILL)
		test_skip_without("max_map_count", "there is no limit nearby");
	assert_int_equal(errno, ENOMEM);
	/* each page that is as its neighbours are saves two */
	for (size_t i = 0; i < nleft; i += 2)
		assert_int_equal(
			mprotect(area + (n - 2 - i) * 4096, 4096, PROT_NONE),
			0);
	return area;
}

static bool is_reported(struct track *t, struct smudge_client *client,
			uint64_t step)
{
	for (uint64_t page = 1; page < NPAGES; page += step) {
		if (!smudge_client_test(client, t->region, page))
			return false;
	}
	return true;
}

static void check_stores_to(uint8_t *ram, uint64_t step, size_t nleft)
{
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *filled;
	struct track t;

	assert_int_equal(smudge_mprotect_create(&source, NULL), 0);
	track_open(&t, ram, 0, NPAGES, 12);
	track_attach(&t, source, 0, 0);
	client = track_client(&t, "test");
	track_clean(&t, client);
	track_harvest(&t);
	track_expect_none(&t, client);
	filled = fill(nleft);
	for (int round = 0; round < 3; round++) {
		for (uint64_t page = 1; page < NPAGES; page += step)
			*(volatile uint8_t *)(ram + page * 4096) = 1;
		track_harvest(&t);
		assert_true(is_reported(&t, client, step));
		track_clean(&t, client);
		track_harvest(&t);
		track_expect_none(&t, client);
	}
	munmap(filled, MAX_FILL * 4096);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	track_close(&t);
	memset(ram, 2, BYTES);
}

static void check_stores(uint64_t step, size_t nleft)
{
	uint8_t *ram = map(BYTES, PROT_READ | PROT_WRITE);

	check_stores_to(ram, step, nleft);
	munmap(ram, BYTES);
}

/* While it is protected it is one mapping with what lies beside it. */
static void test_neighbours_may_only_be_read(void **state)
{
	size_t bytes = BYTES + (size_t)2 * 4096;
	uint8_t *all = map(bytes, PROT_READ);

	assert_int_equal(mprotect(all + 4096, BYTES, PROT_READ | PROT_WRITE),
			 0);
	alarm(600); /* a store that is tried again for ever */
	check_stores_to(all + 4096, 2, 0);
	check_stores_to(all + 4096, 1000, 6);
	alarm(0);
	munmap(all, bytes);
}

static void test_no_mapping_left(void **state)
{
	check_stores(2, 0);
}

static void test_few_mappings_left(void **state)
{
	check_stores(2, 100);
	check_stores(1000, 6);
}

/*
 * The range begins and ends within a mapping, which the start would split.
 * Return: true when the source refused to start for that; the client's memory
 * may be what is refused, or nothing.
 */
static bool is_refused(size_t nleft)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};
	uint8_t *ram = map(BYTES, PROT_READ | PROT_WRITE);
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct smudge_source *source;
	uint8_t *filled;
	struct track t;
	int ret;

	assert_int_equal(smudge_mprotect_create(&source, NULL), 0);
	track_open(&t, ram, 0, NPAGES, 12);
	track_attach(&t, source, 100, 100);
	filled = fill(nleft);
	ret = smudge_client_open(t.memory, &options, &client, &err);
	munmap(filled, MAX_FILL * 4096);
	assert_true(ret == 0 || ret == -ENOMEM);
	if (ret == 0)
		assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	memset(ram, 3, BYTES); /* there is no handler any more */
	track_close(&t);
	munmap(ram, BYTES);
	return strstr(err.message, "too many mappings");
}

static void test_start_is_refused(void **state)
{
	bool was_refused = false;

	for (size_t nleft = 0; nleft < 40 && !was_refused; nleft += 2)
		was_refused = is_refused(nleft);
	assert_true(was_refused);
}

TEST_MAIN(test_no_mapping_left, test_few_mappings_left,
	  test_neighbours_may_only_be_read, test_start_is_refused)
