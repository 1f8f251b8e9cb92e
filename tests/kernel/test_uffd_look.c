/* SPDX-License-Identifier: MIT */
/*
 * A look at memory tracked by userfaultfd reports exactly what was written
 * since the last harvest, however often it is repeated, and loses nothing
 * beside threads that write.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "uffd_track.h"

#define NPAGES	     UFFD_TRACK_PAGES
#define NALTERNATING 3000
#define NROUNDS	     500

/* By each of two looks, and by the harvest after them, once. */
static void expect_until_harvest(struct uffd_track *f, const uint64_t *pages,
				 size_t n)
{
	for (int i = 0; i < 2; i++) {
		track_look(&f->track);
		track_expect_pages(&f->track, f->client, pages, n);
		track_clean(&f->track, f->client);
	}
	track_harvest(&f->track);
	track_expect_pages(&f->track, f->client, pages, n);
	track_clean(&f->track, f->client);
	track_look(&f->track);
	track_expect_none(&f->track, f->client);
}

static void exact(int flags)
{
	const uint64_t pages[] = {0, 63, 64, 4000, NPAGES - 1};
	struct uffd_track f;

	uffd_track_map(&f, flags, 12);
	track_look(&f.track);
	track_expect_none(&f.track, f.client);
	for (size_t i = 0; i < 5; i++)
		uffd_track_touch(&f, pages[i]);
	expect_until_harvest(&f, pages, 5);
	uffd_track_close(&f);
}

static void test_exact(void **state)
{
	exact(MAP_PRIVATE);
	exact(MAP_SHARED);
}

/*
 * More runs than one call of PAGEMAP_SCAN returns, and no multiple of that
 * number.
 */
static void test_alternating(void **state)
{
	uint64_t pages[NALTERNATING];
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	for (uint64_t i = 0; i < NALTERNATING; i++) {
		pages[i] = 2 * i + 1;
		uffd_track_touch(&f, pages[i]);
	}
	expect_until_harvest(&f, pages, NALTERNATING);
	uffd_track_close(&f);
}

static void test_dropped(void **state)
{
	const uint64_t pages[] = {40, 41};
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	assert_int_equal(madvise(f.ram + 40 * 4096, 2 * 4096, MADV_DONTNEED),
			 0);
	expect_until_harvest(&f, pages, 2);
	uffd_track_close(&f);
}

static void test_remapped(void **state)
{
	struct uffd_track f;
	struct smudge_error err = {0};

	uffd_track_map(&f, MAP_PRIVATE, 12);
	assert_ptr_equal(mmap(f.ram + 50 * 4096, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			 f.ram + 50 * 4096);
	assert_int_equal(smudge_region_look(f.track.region, &err), -EPERM);
	assert_non_null(strstr(err.message, "remapped"));
	assert_true(smudge_client_all(f.client, f.track.region, 0, NPAGES));
	uffd_track_close(&f);
}

struct writer {
	struct test_rng rng;
	uint8_t *ram;
	atomic_bool stop;
};

/* Increasing numbers at the starts of pages. */
static void *write_pages(void *opaque)
{
	struct writer *w = opaque;

	/* Acquire: pairs with the release in stop_thread. */
	for (uint32_t n = 1;
	     !atomic_load_explicit(&w->stop, memory_order_acquire); n++) {
		uint64_t page = test_rng_below(&w->rng, NPAGES / 4);

		/* Relaxed: only the value is compared, it orders nothing. */
		atomic_store_explicit(
			(_Atomic uint32_t *)(w->ram + page * 4096), n,
			memory_order_relaxed);
		if (n % 512 == 0)
			sched_yield();
	}
	return NULL;
}

static void harvest_somehow(struct uffd_track *f, struct test_rng *rng)
{
	uint64_t how = test_rng_below(rng, 6);

	if (how < 3)
		track_look(&f->track);
	else if (how < 5)
		track_harvest(&f->track);
	else
		track_harvest_quiesced(&f->track);
}

/* Until something was found to check, which a busy machine may delay. */
static bool is_needed(const struct watch *w, int round)
{
	return round < NROUNDS || !w->nsuspects;
}

static void stop_thread(pthread_t thread, atomic_bool *stop)
{
	atomic_store_explicit(stop, true, memory_order_release);
	pthread_join(thread, NULL);
}

/* What changed and is clean is dirty after the next look or harvest. */
static void test_loss(void **state)
{
	struct test_rng rng = test_rng_start("uffd look loss");
	struct watch plain, quiesced;
	struct writer w = {.rng = {test_rng_next(&rng)}};
	struct uffd_track f;
	pthread_t thread;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	w.ram = f.ram;
	watch_open(&plain, &f.track, "plain");
	watch_open_with(&quiesced, &f.track, "quiesced", SMUDGE_REARM_QUIESCED);
	assert_int_equal(pthread_create(&thread, NULL, write_pages, &w), 0);
	for (int i = 0; is_needed(&plain, i) || is_needed(&quiesced, i); i++) {
		harvest_somehow(&f, &rng);
		watch_check(&plain);
		watch_check(&quiesced);
		watch_take(&plain, 0, NPAGES);
		watch_take(&quiesced, 0, test_rng_below(&rng, NPAGES) + 1);
		watch_suspect(&plain);
		watch_suspect(&quiesced);
	}
	stop_thread(thread, &w.stop);
	assert_true(plain.nsuspects > 0 && quiesced.nsuspects > 0);
	track_look(&f.track);
	watch_finish(&plain);
	watch_finish(&quiesced);
	watch_close(&plain);
	watch_close(&quiesced);
	uffd_track_close(&f);
}

struct visitor {
	struct smudge_memory *memory;
	struct smudge_region *region;
	atomic_bool stop;
	int failed; /* how often a call did, read after the join */
	atomic_uint visits;
};

/* A quiesced client that comes and goes, and harvests as it likes. */
static void *visit(void *opaque)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = "visitor",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	struct visitor *v = opaque;

	/* Acquire: pairs with the release in stop_thread. */
	while (!atomic_load_explicit(&v->stop, memory_order_acquire)) {
		struct smudge_client *client;

		if (smudge_client_open(v->memory, &options, &client, NULL)) {
			v->failed++;
			break;
		}
		v->failed += smudge_region_look(v->region, NULL) != 0;
		v->failed += smudge_client_skip(client, v->region, 0, NPAGES,
						NULL) != 0;
		/* Relaxed, both: a count for test_visited to wait for. */
		if (atomic_load_explicit(&v->visits, memory_order_relaxed) % 2)
			v->failed += smudge_memory_harvest_quiesced(v->memory,
								    NULL) != 0;
		v->failed += smudge_client_close(client) != 0;
		atomic_fetch_add_explicit(&v->visits, 1, memory_order_relaxed);
	}
	return NULL;
}

static bool has_visited(struct visitor *v)
{
	return atomic_load_explicit(&v->visits, memory_order_relaxed) >= 10;
}

/* The policy changes while a client of another policy is open. */
static void test_visited(void **state)
{
	struct test_rng rng = test_rng_start("uffd look visited");
	struct writer w = {.rng = {test_rng_next(&rng)}};
	struct visitor v = {0};
	pthread_t writer, visitor;
	struct watch plain;
	struct uffd_track f;

	uffd_track_map(&f, MAP_PRIVATE, 12);
	w.ram = f.ram;
	v.memory = f.track.memory;
	v.region = f.track.region;
	watch_open(&plain, &f.track, "plain");
	assert_int_equal(pthread_create(&writer, NULL, write_pages, &w), 0);
	assert_int_equal(pthread_create(&visitor, NULL, visit, &v), 0);
	for (int i = 0; is_needed(&plain, i) || !has_visited(&v); i++) {
		track_harvest(&f.track);
		watch_check(&plain);
		watch_take(&plain, 0, NPAGES);
		watch_suspect(&plain);
	}
	stop_thread(visitor, &v.stop);
	stop_thread(writer, &w.stop);
	assert_int_equal(v.failed, 0);
	assert_true(has_visited(&v) && plain.nsuspects > 0);
	track_harvest(&f.track);
	watch_finish(&plain);
	watch_close(&plain);
	uffd_track_close(&f);
}

TEST_MAIN(test_exact, test_alternating, test_dropped, test_remapped, test_loss,
	  test_visited)
