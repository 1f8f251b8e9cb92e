/* SPDX-License-Identifier: MIT */
/*
 * A mark that finds its page marked writes nothing, and its caller's store of
 * the content may still be on its way when an owner takes the page: only the
 * owner's membarrier(2) brings it in, or the marker's fence where there is no
 * membarrier. So a marker keeps finding pages marked, stores to memory that
 * the owner has just read, which takes long, and stores to each page once a
 * sweep: what the owner copied too early no later mark mends.
 *
 * With membarrier; denied from the start; denied from some moment on.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "deny.h"

#include "bitmap/bitmap.h"

#define NPAGES	UINT64_C(4096)
#define NSWEEPS 300

static const struct deny_rule no_membarrier = {.call = SYS_membarrier,
					       .answer = EPERM};

struct line {
	_Alignas(64) _Atomic uint32_t content;
};

struct rig {
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;
	struct line page[NPAGES];
	uint32_t copied[NPAGES];
	atomic_uint begun; /* sweeps */
	atomic_uint done;
};

static bool open_rig(struct rig *rig)
{
	return smudge_bitmap_create(NPAGES, &rig->bitmap) == 0 &&
	       smudge_batch_create(0, &rig->batch) == 0;
}

static void close_rig(struct rig *rig)
{
	smudge_batch_destroy(rig->batch);
	smudge_bitmap_destroy(rig->bitmap);
}

static bool is_fenced(const struct rig *rig)
{
	return atomic_load(&rig->bitmap->fast_npages) == 0;
}

/* 64 pages are marked, so that 64 marks find nothing to do until a take. */
static void sweep(struct rig *rig, uint32_t number)
{
	for (uint64_t page = 0; page < NPAGES; page++) {
		if (page % 64 == 0)
			smudge_bitmap_mark_range(rig->bitmap, page, 64);
		atomic_store_explicit(&rig->page[page].content, number,
				      memory_order_relaxed);
		smudge_bitmap_mark(rig->bitmap, page);
	}
}

static void *marker_main(void *opaque)
{
	struct rig *rig = opaque;

	for (uint32_t i = 1; i <= NSWEEPS; i++) {
		/* acquire, release: pair with the owner's, in one_sweep */
		while (atomic_load_explicit(&rig->begun, memory_order_acquire) <
		       i)
			sched_yield();
		sweep(rig, i);
		atomic_store_explicit(&rig->done, i, memory_order_release);
	}
	return NULL;
}

/* The page stored to last is read first: its store is the latest to come. */
static void take_and_copy(struct rig *rig)
{
	smudge_bitmap_take(rig->bitmap, 0, NPAGES, rig->batch);
	for (size_t i = 0; i < smudge_batch_nruns(rig->batch); i++) {
		struct smudge_run run = smudge_batch_run(rig->batch, i);

		for (uint64_t n = run.npages; n--;)
			rig->copied[run.first_page + n] = atomic_load_explicit(
				&rig->page[run.first_page + n].content,
				memory_order_relaxed);
	}
	smudge_batch_discard(rig->batch);
}

/* Return: pages whose content of this sweep was never copied. */
static uint64_t one_sweep(struct rig *rig, uint32_t number)
{
	uint64_t lost = 0;

	atomic_store_explicit(&rig->begun, number, memory_order_release);
	while (atomic_load_explicit(&rig->done, memory_order_acquire) < number)
		take_and_copy(rig);
	take_and_copy(rig);
	for (uint64_t page = 0; page < NPAGES; page++)
		lost += rig->copied[page] != number;
	return lost;
}

static bool run_sweeps(struct rig *rig)
{
	uint64_t lost = 0;
	pthread_t marker;

	if (pthread_create(&marker, NULL, marker_main, rig))
		return false;
	for (uint32_t i = 1; i <= NSWEEPS; i++)
		lost += one_sweep(rig, i);
	pthread_join(marker, NULL);
	if (lost)
		fprintf(stderr, "# %llu writes lost\n",
			(unsigned long long)lost);
	return lost == 0;
}

static void test_as_it_is(void **state)
{
	static struct rig rig;

	assert_true(open_rig(&rig));
	assert_true(run_sweeps(&rig));
	close_rig(&rig);
}

/* In a child process under the filter; cmocka's assertions stay outside. */
static bool run_without(void *opaque)
{
	struct rig *rig = opaque;
	bool is_right = open_rig(rig) && is_fenced(rig) && run_sweeps(rig);

	close_rig(rig);
	return is_right;
}

static void test_denied_from_the_start(void **state)
{
	static struct rig rig;

	deny_and_run(&no_membarrier, 1, run_without, &rig);
}

/* The bitmap is from when there was a barrier; the first take learns. */
static bool run_denied(void *opaque)
{
	struct rig *rig = opaque;

	smudge_bitmap_mark(rig->bitmap, 5);
	if (is_fenced(rig) || !smudge_bitmap_test(rig->bitmap, 5) ||
	    !is_fenced(rig))
		return false;
	/* what lies outside is ignored in this way too */
	smudge_bitmap_mark(rig->bitmap, NPAGES);
	smudge_bitmap_mark_range(rig->bitmap, NPAGES - 1, UINT64_MAX);
	smudge_bitmap_mark_range(rig->bitmap, 0, 0);
	if (smudge_bitmap_count(rig->bitmap, 0, UINT64_MAX) != 2)
		return false;
	return run_sweeps(rig);
}

static void test_denied_later(void **state)
{
	static struct rig rig;

	assert_true(open_rig(&rig));
	if (!is_fenced(&rig))
		deny_and_run(&no_membarrier, 1, run_denied, &rig);
	close_rig(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_is),
		cmocka_unit_test(test_denied_from_the_start),
		cmocka_unit_test(test_denied_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
