/* SPDX-License-Identifier: MIT */
/*
 * What may happen to a page before and after it came in: discards, questions
 * about what is populated, a fork, regions that shall go, a second restore.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/pager.h>
#include <smudge/populated.h>

#include "lazy_rig.h"

static int set_up(void **state)
{
	return lazy_enter(state, "lazy_states", false);
}

static bool is_zero(const struct lazy_rig *rig, uint64_t page)
{
	static const uint8_t zeros[LAZY_PAGE];

	return memcmp(rig->ram[0] + page * LAZY_PAGE, zeros, LAZY_PAGE) == 0;
}

/* A page of "ram" that has content. */
static uint64_t page_with_content(struct test_rng *rng)
{
	uint64_t page;

	do {
		page = test_rng_below(rng, LAZY_NPAGES);
	} while (lazy_model_is_zero(0, page));
	return page;
}

enum what {
	UNTOUCHED,
	DISCARDED,
	READ_THEN_DISCARDED,
	READ_THEN_DROPPED, /* by the program's own madvise */
	DISCARDED_THEN_WRITTEN,
	NWHATS
};

static void discard_pages(struct lazy_rig *rig, uint64_t page, uint64_t npages)
{
	struct smudge_error err;

	if (smudge_region_discard(rig->regions[0], page, npages, rig->fds[0],
				  &err) < 0)
		fail_msg("kind %d: %s", rig->kind, err.message);
}

/* Pages of huge pages are not discarded one by one. */
static void discard(struct lazy_rig *rig, uint64_t page)
{
	discard_pages(rig, page, 1);
}

static void do_it(struct lazy_rig *rig, uint64_t page, enum what what)
{
	uint8_t *at = rig->ram[0] + page * LAZY_PAGE;

	if (what == READ_THEN_DISCARDED || what == READ_THEN_DROPPED)
		assert_true(lazy_is_right(rig, 0, page));
	if (what == READ_THEN_DROPPED)
		assert_int_equal(madvise(at, LAZY_PAGE, MADV_DONTNEED), 0);
	else if (what != UNTOUCHED)
		discard(rig, page);
	if (what == DISCARDED_THEN_WRITTEN)
		at[1] = 77;
}

static void check_it(struct lazy_rig *rig, uint64_t page, enum what what)
{
	uint8_t *at = rig->ram[0] + page * LAZY_PAGE;

	if (what == UNTOUCHED) {
		assert_true(lazy_is_right(rig, 0, page));
		return;
	}
	if (what == DISCARDED_THEN_WRITTEN) {
		assert_int_equal(at[1], 77);
		at[1] = 0;
	}
	if (!is_zero(rig, page))
		fail_msg("kind %d: page %ju has content after %d", rig->kind,
			 (uintmax_t)page, what);
}

static void discards(struct lazy_rig *rig, struct test_rng *rng)
{
	enum what whats[LAZY_NPAGES] = {UNTOUCHED};

	for (int i = 0; i < 200; i++) {
		uint64_t page = page_with_content(rng);
		enum what what = (enum what)test_rng_below(rng, NWHATS);

		if (whats[page] != UNTOUCHED)
			continue;
		/* Shared content survives that. */
		if (what == READ_THEN_DROPPED && rig->kind != LAZY_PRIVATE &&
		    rig->kind != LAZY_THP && rig->kind != LAZY_MEMFD_PRIVATE)
			continue;
		do_it(rig, page, what);
		whats[page] = what;
		if (test_rng_below(rng, 2) && what != UNTOUCHED) {
			check_it(rig, page, what);
			whats[page] = what == DISCARDED_THEN_WRITTEN ? DISCARDED
								     : what;
		}
	}
	lazy_end(rig);
	for (uint64_t page = 0; page < LAZY_NPAGES; page++)
		check_it(rig, page, whats[page]);
}

static void discarded_pages(void **state)
{
	struct test_rng rng = test_rng_start("lazy discards");

	test_need_uffd();
	for (int kind = 0; kind < LAZY_HUGETLB; kind++) {
		for (int is_tracked = 0; is_tracked < 2; is_tracked++) {
			struct lazy_rig rig;

			lazy_open(&rig, kind);
			rig.options.stream_bytes_per_second = 20 << 20;
			if (is_tracked)
				lazy_track(&rig);
			lazy_begin(&rig);
			discards(&rig, &rng);
			lazy_close(&rig);
		}
	}
}

/* All at once, before anything came in: nothing comes. */
static void discarded_whole(void **state)
{
	struct smudge_lazy_stats stats;
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.on_demand = true;
	lazy_begin(&rig);
	assert_int_equal(
		smudge_region_discard(rig.regions[0], 0, LAZY_NPAGES, -1, NULL),
		0);
	stats = lazy_stats(&rig);
	assert_int_equal(stats.dropped_bytes, LAZY_NPAGES * LAZY_PAGE);
	lazy_end(&rig);
	for (uint64_t page = 0; page < LAZY_NPAGES; page++)
		assert_true(is_zero(&rig, page));
	assert_true(lazy_is_right(&rig, 1, 3));
	lazy_close(&rig);
}

/* A part of a huge page that is not in: zeros, and the rest has its content. */
static void discarded_part_of_a_huge_page(void **state)
{
	const uint64_t npages = LAZY_HUGE / LAZY_PAGE;
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_HUGETLB_SHARED);
	rig.options.on_demand = true;
	lazy_begin(&rig);
	/* The end of one, one whole, and the begin of another one. */
	discard_pages(&rig, npages - 3, npages + 8);
	lazy_end(&rig);
	for (uint64_t page = 0; page < LAZY_NPAGES; page++) {
		if (page >= npages - 3 && page < 2 * npages + 5)
			assert_true(is_zero(&rig, page));
		else
			assert_true(lazy_is_right(&rig, 0, page));
	}
	lazy_close(&rig);
}

/*
 * Pages that are not in are populated as in the chain, and no zeros that are
 * known; those that are in as ever. Never is content missing.
 */
static void check_populated(struct lazy_rig *rig, bool is_exact)
{
	for (size_t i = 0; i < 2; i++) {
		uint64_t page = 0;
		struct smudge_run run;

		while (smudge_region_next_populated(rig->regions[i], page,
						    rig->npages[i], &run,
						    NULL) > 0) {
			for (; page < run.first_page; page++)
				assert_true(lazy_model_is_zero(i, page));
			for (; is_exact && page < run.first_page + run.npages;
			     page++)
				assert_false(lazy_model_is_zero(i, page));
			page = run.first_page + run.npages;
		}
		for (; page < rig->npages[i]; page++)
			assert_true(lazy_model_is_zero(i, page));
	}
}

static void populated_as_in_the_chain(void **state)
{
	struct test_rng rng = test_rng_start("lazy populated");

	test_need_uffd();
	for (int kind = 0; kind < LAZY_HUGETLB; kind++) {
		struct lazy_rig rig;

		lazy_open(&rig, kind);
		rig.options.stream_bytes_per_second = 50 << 20;
		lazy_begin(&rig);
		for (int i = 0; i < 20; i++) {
			check_populated(&rig, false);
			assert_true(lazy_is_right(
				&rig, 0, test_rng_below(&rng, LAZY_NPAGES)));
		}
		assert_int_equal(smudge_lazy_wait(rig.lazy, UINT64_MAX, NULL),
				 0);
		check_populated(&rig, false);
		lazy_end(&rig);
		check_populated(&rig, false);
		lazy_close(&rig);
	}
}

/* Nothing is touched, so what streams in is all that is populated. */
static void zeros_are_not_populated(void **state)
{
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	lazy_begin(&rig);
	assert_int_equal(smudge_lazy_wait(rig.lazy, UINT64_MAX, NULL), 0);
	check_populated(&rig, true);
	lazy_end(&rig);
	check_populated(&rig, true);
	lazy_close(&rig);
}

static void regions_stay(void **state)
{
	struct smudge_error err;
	struct lazy_rig rig;

	test_need_uffd();
	lazy_open(&rig, LAZY_PRIVATE);
	rig.options.on_demand = true;
	lazy_begin(&rig);
	assert_int_equal(smudge_region_remove(rig.regions[0], &err), -EBUSY);
	assert_int_equal(
		smudge_region_resize(rig.regions[0], LAZY_NPAGES / 2, &err),
		-EBUSY);
	lazy_end(&rig);
	lazy_check_all(&rig);
	assert_int_equal(smudge_region_remove(rig.regions[0], &err), 0);
	lazy_close(&rig);
}

/* One at a time in a process; and again in the same memory, when it ended. */
static void one_after_the_other(void **state)
{
	struct smudge_error err;
	struct lazy_rig rig, other;
	struct smudge_lazy *second;

	test_need_uffd();
	for (int is_tracked = 0; is_tracked < 2; is_tracked++) {
		lazy_open(&rig, LAZY_PRIVATE);
		lazy_open(&other, LAZY_SHARED);
		if (is_tracked)
			lazy_track(&rig);
		lazy_begin(&rig);
		memset(other.ram[0], 0x77, LAZY_PAGE);
		assert_int_equal(smudge_restore_lazily(other.memory,
						       other.chain, NULL,
						       &second, &err),
				 -EBUSY);
		assert_non_null(strstr(err.message, "another pager"));
		/* It was refused before anything was dropped. */
		assert_int_equal(other.ram[0][5], 0x77);
		lazy_end(&rig);
		lazy_begin(&other);
		lazy_end(&other);
		lazy_check_all(&other);
		memset(rig.ram[0], 0x55, LAZY_PAGE * LAZY_NPAGES);
		lazy_begin(&rig);
		assert_true(lazy_is_right(&rig, 0, 7));
		lazy_end(&rig);
		lazy_check_all(&rig);
		lazy_close(&rig);
		lazy_close(&other);
	}
}

/* Return: what _exit gets. */
static int in_child(struct lazy_rig *rig)
{
	unsigned char resident;
	struct smudge_error err;

	/* The memory is not there at all: no zeros in place of content. */
	if (mincore(rig->ram[0], LAZY_PAGE, &resident) == 0 || errno != ENOMEM)
		return 1;
	if (smudge_lazy_wait(rig->lazy, 0, &err) != -EPERM ||
	    smudge_lazy_end(rig->lazy, &err) != -EPERM)
		return 2;
	smudge_lazy_cancel(rig->lazy);
	return 0;
}

static void child_of_fork(void **state)
{
	test_need_uffd();
	for (int kind = 0; kind < LAZY_NKINDS; kind++) {
		struct lazy_rig rig;
		int status;
		pid_t pid;

		lazy_open(&rig, kind);
		rig.options.on_demand = true;
		lazy_begin(&rig);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			_exit(in_child(&rig));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		lazy_end(&rig);
		lazy_check_all(&rig);
		pid = fork();
		if (pid == 0)
			_exit(!lazy_is_right(&rig, 0, 9));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		lazy_close(&rig);
	}
}

TEST_MAIN_WITH(set_up, lazy_leave, discarded_pages, discarded_whole,
	       discarded_part_of_a_huge_page, populated_as_in_the_chain,
	       zeros_are_not_populated, regions_stay, one_after_the_other,
	       child_of_fork)
