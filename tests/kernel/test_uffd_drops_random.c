/* SPDX-License-Identifier: MIT */
/*
 * Random stores, drops and reads against an oracle of contents: after each
 * harvest a page that is clean holds what the client last knew of it. In
 * private memory everything may happen; in shared memory nothing reads a page
 * through the mapping between a drop and the harvest, which is what the
 * kernel cannot tell. Then the same with a thread.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/falloc.h>

#include "kinds.h"
#include "racing.h"
#include "track.h"

#define PAGE   4096
#define NPAGES 700
#define NSTEPS 20000
#define NLIVE  400 /* passes of the live test */

struct rig {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	struct test_rng rng;
	bool is_shared;
	int fd;
	uint8_t *ram;
	uint8_t known[NPAGES];
	uint64_t nlost;
	uint64_t nseen; /* pages found dirty, to know that the test tests */
};

static void open_rig(struct rig *r, const char *name, bool is_shared)
{
	struct smudge_error err = {0};

	test_need_uffd();
	memset(r, 0, sizeof(*r));
	r->rng = test_rng_start(name);
	r->is_shared = is_shared;
	r->fd = memfd_create("drops", MFD_CLOEXEC);
	assert_return_code(r->fd, 0);
	assert_int_equal(ftruncate(r->fd, NPAGES * PAGE), 0);
	r->ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
		      is_shared ? MAP_SHARED : MAP_PRIVATE, r->fd, 0);
	assert_ptr_not_equal(r->ram, MAP_FAILED);
	track_open(&r->track, r->ram, 0, NPAGES, 12);
	assert_int_equal(smudge_uffd_create(&r->source, &err), 0);
	track_attach(&r->track, r->source, 0, 0);
	r->client = track_client(&r->track, "test");
}

static void close_rig(struct rig *r)
{
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->source);
	track_close(&r->track);
	munmap(r->ram, NPAGES * PAGE);
	close(r->fd);
}

/* Relaxed, both: the values are compared later, they order nothing. */
static uint8_t load(const uint8_t *byte)
{
	return racing_load_byte(byte);
}

static void store(uint8_t *byte, uint8_t value)
{
	racing_store_byte(byte, value);
}

/* Without mapping the page, where that would hide a drop. */
static uint8_t content(const struct rig *r, uint64_t page)
{
	uint8_t byte = 0;

	if (!r->is_shared)
		return load(r->ram + page * PAGE);
	assert_int_equal(pread(r->fd, &byte, 1, (off_t)(page * PAGE)), 1);
	return byte;
}

/* A few neighbours of one page, so that huge and small drops mix. */
static uint64_t some_pages(struct rig *r, uint64_t *ret_npages)
{
	uint64_t first = test_rng_below(&r->rng, NPAGES);
	uint64_t n = 1 + test_rng_below(&r->rng, 100);

	if (test_rng_below(&r->rng, 4))
		n = 1;
	*ret_npages = n < NPAGES - first ? n : NPAGES - first;
	return first;
}

static void drop(struct rig *r)
{
	uint64_t n, first = some_pages(r, &n);

	if (r->is_shared && test_rng_below(&r->rng, 2))
		assert_int_equal(
			fallocate(r->fd,
				  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				  (off_t)(first * PAGE), (off_t)(n * PAGE)),
			0);
	else
		assert_int_equal(
			madvise(r->ram + first * PAGE, n * PAGE, MADV_DONTNEED),
			0);
}

static void step(struct rig *r)
{
	uint64_t page = test_rng_below(&r->rng, NPAGES);
	uint8_t value = (uint8_t)(1 + test_rng_below(&r->rng, 255));

	switch (test_rng_below(&r->rng, 4)) {
	case 0:
		drop(r);
		break;
	case 1:
		if (!r->is_shared)
			load(r->ram + page * PAGE);
		break;
	default:
		store(r->ram + page * PAGE, value);
	}
}

/* A look reports what a harvest would. */
static void harvest_or_look(struct rig *r)
{
	if (test_rng_below(&r->rng, 3))
		track_harvest(&r->track);
	else
		assert_int_equal(smudge_region_look(r->track.region, NULL), 0);
}

/* The client reads some of its dirty pages; all clean ones are as it knows. */
static void check(struct rig *r)
{
	harvest_or_look(r);
	for (uint64_t p = 0; p < NPAGES; p++) {
		if (smudge_client_test(r->client, r->track.region, p))
			r->nseen++;
		else if (content(r, p) != r->known[p])
			fail_msg("page %llu changed from %u to %u unreported",
				 (unsigned long long)p, r->known[p],
				 content(r, p));
	}
	for (int i = 0; i < 5; i++) {
		uint64_t n, first = some_pages(r, &n);

		track_take(&r->track, r->client, first, n);
		for (uint64_t p = first; p < first + n; p++)
			r->known[p] = content(r, p);
	}
}

static void run_steps(const char *name, bool is_shared)
{
	int nsteps = (int)test_rounds(NSTEPS);
	struct rig r;

	open_rig(&r, name, is_shared);
	track_take(&r.track, r.client, 0, NPAGES);
	for (int i = 0; i < nsteps; i++) {
		step(&r);
		if (!test_rng_below(&r.rng, 8))
			check(&r);
	}
	check(&r);
	assert_true(r.nseen > (uint64_t)nsteps / 10);
	close_rig(&r);
}

static void test_private(void **state)
{
	run_steps("uffd_drops_private", false);
}

static void test_shared(void **state)
{
	run_steps("uffd_drops_shared", true);
}

/* ---- as user nobody --------------------------------------------------- */

static bool private_steps(void *opaque)
{
	run_steps("uffd_drops_nobody", false);
	return true;
}

/* A failing assertion ends the child with another status than 0. */
static void test_private_as_nobody(void **state)
{
	test_need_uffd();
	run_as(true, private_steps, NULL);
}

/* ---- with a thread ---------------------------------------------------- */

struct writer {
	struct rig *rig;
	struct test_rng rng;
	atomic_bool stop;
};

static void drop_page(const struct rig *r, uint64_t page)
{
	if (r->is_shared)
		fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)(page * PAGE), PAGE);
	else
		madvise(r->ram + page * PAGE, PAGE, MADV_DONTNEED);
}

static void *write_and_drop(void *opaque)
{
	struct writer *w = opaque;
	uint8_t *ram = w->rig->ram;

	/* Relaxed: it orders nothing, joining does. */
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		uint64_t page = test_rng_below(&w->rng, NPAGES);

		if (test_rng_below(&w->rng, 3))
			store(ram + page * PAGE,
			      (uint8_t)test_rng_below(&w->rng, 256));
		else
			drop_page(w->rig, page);
	}
	return NULL;
}

static void copy_taken(struct rig *r, uint64_t first, uint64_t n)
{
	struct smudge_error err = {0};

	assert_int_equal(smudge_client_take(r->client, r->track.region, first,
					    n, r->track.batch, &err),
			 0);
	for (size_t i = 0; i < smudge_batch_nruns(r->track.batch); i++) {
		struct smudge_run run = smudge_batch_run(r->track.batch, i);

		for (uint64_t p = 0; p < run.npages; p++)
			r->known[run.first_page + p] =
				content(r, run.first_page + p);
	}
	assert_int_equal(smudge_client_commit(r->client, r->track.batch), 0);
}

/* At the end each page is as it was last taken: no store, no drop is lost. */
static void run_live(bool is_shared)
{
	struct writer w = {0};
	pthread_t thread;
	struct rig r;

	open_rig(&r, "uffd_drops_live", is_shared);
	w.rig = &r;
	w.rng = test_rng_start("uffd_drops_live_writer");
	assert_int_equal(pthread_create(&thread, NULL, write_and_drop, &w), 0);
	for (int i = 0; i < NLIVE; i++) {
		uint64_t n, first = some_pages(&r, &n);

		harvest_or_look(&r);
		copy_taken(&r, first, n);
		if (i % 8 == 0)
			copy_taken(&r, 0, NPAGES);
	}
	atomic_store_explicit(&w.stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	track_harvest(&r.track);
	copy_taken(&r, 0, NPAGES);
	for (uint64_t p = 0; p < NPAGES; p++)
		assert_int_equal(content(&r, p), r.known[p]);
	close_rig(&r);
}

static void test_live_private(void **state)
{
	run_live(false);
}

static void test_live_shared(void **state)
{
	run_live(true);
}

TEST_MAIN(test_private, test_shared, test_private_as_nobody, test_live_private,
	  test_live_shared)
