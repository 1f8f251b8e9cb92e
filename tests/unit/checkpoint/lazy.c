/* SPDX-License-Identifier: MIT */
/*
 * A moment comes back lazily into memory of every kind, while threads read and
 * write it: pages that they wrote are theirs, all others the layer's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lazy_rig.h"

#define NTHREADS 3

static int set_up(void **state)
{
	return lazy_enter(state, "lazy", true);
}

static void touched_page_by_page(void **state)
{
	struct test_rng rng = test_rng_start("lazy touched");

	test_need_uffd();
	for (int kind = 0; kind < LAZY_NKINDS; kind++) {
		struct smudge_lazy_stats stats;
		struct lazy_rig rig;

		lazy_open(&rig, kind);
		rig.options.on_demand = true;
		lazy_begin(&rig);
		stats = lazy_stats(&rig);
		assert_int_equal(stats.missing_bytes, stats.total_bytes);
		for (int i = 0; i < 300; i++) {
			size_t region = test_rng_below(&rng, 2);
			uint64_t page =
				test_rng_below(&rng, rig.npages[region]);

			if (!lazy_is_right(&rig, region, page))
				fail_msg("kind %d: page %ju", kind,
					 (uintmax_t)page);
		}
		stats = lazy_stats(&rig);
		assert_true(stats.faults > 0 && stats.fault_bytes > 0);
		assert_int_equal(stats.stream_bytes, 0);
		assert_true(rig.is_huge || stats.missing_bytes > 0);
		assert_int_equal(smudge_lazy_wait(rig.lazy, UINT64_MAX, NULL),
				 0);
		stats = lazy_stats(&rig);
		assert_int_equal(stats.missing_bytes, 0);
		assert_true(stats.is_complete);
		lazy_end(&rig);
		lazy_check_all(&rig);
		lazy_close(&rig);
	}
}

/* Memory that held something, and a moment of which only a region is wanted. */
static void content_is_dropped(void **state)
{
	test_need_uffd();
	for (int kind = 0; kind < LAZY_NKINDS; kind++) {
		struct lazy_rig rig;

		if (kind == LAZY_MEMFD_PRIVATE)
			continue;
		lazy_open(&rig, kind);
		for (size_t i = 0; i < 2; i++)
			memset(rig.ram[i], 0xee, rig.npages[i] * LAZY_PAGE);
		rig.options.nregions = 1;
		lazy_begin(&rig);
		lazy_end(&rig);
		for (uint64_t page = 0; page < rig.npages[0]; page++)
			assert_true(lazy_is_right(&rig, 0, page));
		for (uint64_t i = 0; i < rig.npages[1] * LAZY_PAGE; i++)
			assert_int_equal(rig.ram[1][i], 0xee);
		lazy_close(&rig);
	}
}

struct user {
	struct lazy_rig *rig;
	struct test_rng rng;
	unsigned int number;
	uint8_t *written[2]; /* of each page: the value, or 0; shared */
	atomic_bool *is_ending;
	uint64_t nwrong;
};

/* Pages with this remainder are the thread's to write. */
static void use_page(struct user *u, size_t region, uint64_t page)
{
	uint8_t *at = u->rig->ram[region] + page * LAZY_PAGE;
	uint8_t *value = &u->written[region][page];
	bool is_own = page % NTHREADS == u->number;

	if (is_own && test_rng_below(&u->rng, 4) == 0) {
		*value = (uint8_t)(1 + test_rng_below(&u->rng, 255));
		/* The rest is the layer's. */
		at[test_rng_below(&u->rng, 2) ? 0 : LAZY_PAGE / 2] = *value;
		at[0] = *value;
		at[LAZY_PAGE / 2] = *value;
		return;
	}
	if (is_own && *value)
		u->nwrong += at[0] != *value || at[LAZY_PAGE / 2] != *value;
	else
		u->nwrong +=
			at[17] != u->rig->model[region][page * LAZY_PAGE + 17];
}

static void *use_memory(void *opaque)
{
	struct user *u = opaque;

	while (!atomic_load(u->is_ending)) {
		size_t region = test_rng_below(&u->rng, 2);

		use_page(u, region,
			 test_rng_below(&u->rng, u->rig->npages[region]));
	}
	return NULL;
}

static void check_used(const struct lazy_rig *rig, uint8_t *const *written)
{
	uint8_t expected[LAZY_PAGE];

	for (size_t i = 0; i < 2; i++) {
		for (uint64_t page = 0; page < rig->npages[i]; page++) {
			memcpy(expected, rig->model[i] + page * LAZY_PAGE,
			       LAZY_PAGE);
			if (written[i][page]) {
				expected[0] = written[i][page];
				expected[LAZY_PAGE / 2] = written[i][page];
			}
			if (memcmp(rig->ram[i] + page * LAZY_PAGE, expected,
				   LAZY_PAGE) != 0)
				fail_msg("kind %d: page %ju", rig->kind,
					 (uintmax_t)page);
		}
	}
}

static void use_while_it_comes(struct lazy_rig *rig, struct test_rng *rng)
{
	uint8_t *written[2] = {calloc(1, LAZY_NPAGES), calloc(1, LAZY_HIGH)};
	struct user users[NTHREADS];
	pthread_t threads[NTHREADS];
	atomic_bool is_ending;

	atomic_init(&is_ending, false);
	for (unsigned int i = 0; i < NTHREADS; i++) {
		users[i] = (struct user){.rig = rig,
					 .rng = {test_rng_next(rng)},
					 .number = i,
					 .written = {written[0], written[1]},
					 .is_ending = &is_ending};
		assert_int_equal(pthread_create(&threads[i], NULL, use_memory,
						&users[i]),
				 0);
	}
	assert_int_equal(smudge_lazy_wait(rig->lazy, UINT64_MAX, NULL), 0);
	lazy_end(rig);
	atomic_store(&is_ending, true);
	for (unsigned int i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(users[i].nwrong, 0);
	}
	check_used(rig, written);
	free(written[0]);
	free(written[1]);
}

static void used_while_it_comes(void **state)
{
	struct test_rng rng = test_rng_start("lazy used");

	test_need_uffd();
	for (unsigned int i = 0; i < test_rounds(2 * LAZY_NKINDS); i++) {
		struct lazy_rig rig;

		lazy_open(&rig, (enum lazy_kind)(i % LAZY_NKINDS));
		rig.options.nthreads =
			1 + (unsigned int)test_rng_below(&rng, 4);
		rig.options.read_ahead_bytes = test_rng_below(&rng, 40) * 4096;
		rig.options.stream_bytes_per_second = UINT64_C(100) << 20;
		if (i & 1)
			lazy_track(&rig);
		lazy_begin(&rig);
		use_while_it_comes(&rig, &rng);
		lazy_close(&rig);
	}
}

/* The digests are summed up before the call returns. */
static void digests_first(void **state)
{
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.digests_first = true;
	lazy_begin(&rig);
	assert_true(lazy_is_right(&rig, 1, 5));
	lazy_end(&rig);
	lazy_check_all(&rig);
	lazy_close(&rig);
}

/* The rate is kept, and the end does not wait for it. */
static void rate(void **state)
{
	struct smudge_lazy_stats stats;
	struct smudge_error err;
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.stream_bytes_per_second = 65536;
	lazy_begin(&rig);
	assert_int_equal(smudge_lazy_wait(rig.lazy, 20 * 1000000, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.message, "still come in"));
	stats = lazy_stats(&rig);
	assert_true(stats.missing_bytes > (UINT64_C(2) << 20));
	assert_false(stats.is_complete);
	lazy_end(&rig);
	lazy_check_all(&rig);
	lazy_close(&rig);
}

static uint64_t content_bytes(const struct lazy_rig *rig)
{
	uint64_t npages = 0;

	for (size_t i = 0; i < 2; i++)
		for (uint64_t page = 0; page < rig->npages[i]; page++)
			npages += !lazy_model_is_zero(i, page);
	return npages * LAZY_PAGE;
}

/* What is zeros is not missing for as long as the rest takes. */
static void rate_and_zeros(void **state)
{
	struct smudge_lazy_stats stats;
	struct lazy_rig rig;
	uint64_t bytes;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	bytes = content_bytes(&rig);
	rig.options.stream_bytes_per_second = 1;
	lazy_begin(&rig);
	stats = lazy_stats(&rig);
	while (stats.missing_bytes + stats.stream_bytes > bytes) {
		usleep(1000);
		stats = lazy_stats(&rig);
	}
	assert_int_equal(stats.missing_bytes + stats.stream_bytes, bytes);
	assert_int_not_equal(stats.missing_bytes, 0);
	lazy_end(&rig);
	lazy_check_all(&rig);
	lazy_close(&rig);
}

/* Parts of a region that the kernel keeps as mappings of their own. */
static void several_mappings(void **state)
{
	static const enum lazy_kind kinds[] = {LAZY_PRIVATE, LAZY_SHARED,
					       LAZY_MEMFD_PRIVATE};

	test_need_uffd();
	for (size_t i = 0; i < 3; i++) {
		struct lazy_rig rig;

		lazy_open(&rig, kinds[i]);
		for (uint64_t page = 3; page < LAZY_NPAGES; page += 29)
			assert_int_equal(madvise(rig.ram[0] + page * LAZY_PAGE,
						 7 * LAZY_PAGE, MADV_DONTDUMP),
					 0);
		lazy_begin(&rig);
		lazy_end(&rig);
		lazy_check_all(&rig);
		lazy_close(&rig);
	}
}

TEST_MAIN_WITH(set_up, lazy_leave, several_mappings, touched_page_by_page,
	       content_is_dropped, used_while_it_comes, digests_first, rate,
	       rate_and_zeros)
