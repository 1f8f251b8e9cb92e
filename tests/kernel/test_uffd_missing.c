/* SPDX-License-Identifier: MIT */
/*
 * Missing pages are delivered while writes are tracked, on one userfaultfd, in
 * private anonymous memory and a memfd. A thread installs a page when it is
 * first touched; threads write, read and drop pages; and a client harvests.
 *
 * No write is lost: two consecutive harvests report at least the stores and
 * drops between them. A page that was delivered and only read stays clean.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pager.h"
#include "track.h"

#define PAGE	 PAGER_PAGE
#define NBUSY	 768 /* pages that are written, read and dropped */
#define NQUIET	 256 /* pages beyond, which are read once, or never */
#define NPAGES	 (NBUSY + NQUIET)
#define NWRITERS 2
#define NROUNDS	 300
#define LOG_SIZE (1 << 20)
#define NPAGERS	 64

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t *ram;
	int memfd;
	bool is_shared;
	struct pager pager;
	atomic_bool stop;
};

static void map_memory(struct fixture *f)
{
	int flags = f->is_shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	f->memfd = -1;
	if (f->is_shared) {
		f->memfd = memfd_create("missing", MFD_CLOEXEC);
		assert_return_code(f->memfd, errno);
		assert_int_equal(ftruncate(f->memfd, NPAGES * PAGE), 0);
	}
	f->ram = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE, flags,
		      f->memfd, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
}

/* Either may be first on the memory. */
static void open_fixture(struct fixture *f, bool is_shared, bool pager_first)
{
	test_need_uffd();
	memset(f, 0, sizeof(*f));
	f->is_shared = is_shared;
	map_memory(f);
	track_open(&f->track, f->ram, 0, NPAGES, 12);
	assert_int_equal(smudge_uffd_create(&f->source, NULL), 0);
	track_attach(&f->track, f->source, 0, 0);
	if (pager_first)
		pager_open(&f->pager, f->ram, NPAGES);
	f->client = track_client(&f->track, "test");
	if (!pager_first)
		pager_open(&f->pager, f->ram, NPAGES);
	track_clean(&f->track, f->client);
	track_harvest(&f->track);
	track_expect_none(&f->track, f->client);
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->ram, NPAGES * PAGE);
	if (f->memfd >= 0)
		close(f->memfd);
}

/* Stores or drops; each is logged after it was done. */
struct writer {
	pthread_t thread;
	struct test_rng rng;
	struct fixture *fixture;
	unsigned int index;
	bool drops;
	_Atomic uint32_t *log; /* the last LOG_SIZE pages */
	_Atomic uint64_t nlog; /* released after the change it counts */
};

static bool goes_on(struct fixture *f)
{
	/* Acquire: pairs with the release in stop_writers. */
	return !atomic_load_explicit(&f->stop, memory_order_acquire);
}

static void change_page(struct writer *w, uint64_t page)
{
	struct fixture *f = w->fixture;
	uint8_t *at = f->ram + page * PAGE;

	if (!w->drops)
		/* Relaxed: the log's release orders it. */
		atomic_store_explicit((_Atomic uint64_t *)(at + 8 * w->index),
				      w->rng.state, memory_order_relaxed);
	else if (madvise(at, PAGE, f->is_shared ? MADV_REMOVE : MADV_DONTNEED))
		abort();
}

/* A drop of a page that was never delivered changes nothing. */
static bool can_change(struct writer *w, uint64_t page)
{
	return !w->drops || pager_has_delivered(&w->fixture->pager, page);
}

static void *change_pages(void *opaque)
{
	struct writer *w = opaque;
	uint64_t n = 0;

	while (goes_on(w->fixture)) {
		uint64_t page = test_rng_below(&w->rng, NBUSY);

		if (!can_change(w, page)) {
			sched_yield();
			continue;
		}
		atomic_store_explicit(&w->log[n % LOG_SIZE], (uint32_t)page,
				      memory_order_relaxed);
		change_page(w, page);
		/* Pairs with the acquire in logged. */
		atomic_store_explicit(&w->nlog, ++n, memory_order_release);
		if (w->drops || n % 256 == 0)
			sched_yield();
	}
	return NULL;
}

static void *read_pages(void *opaque)
{
	struct writer *w = opaque;

	while (goes_on(w->fixture)) {
		uint64_t page = test_rng_below(&w->rng, NBUSY);

		/* Relaxed: only the fault matters. */
		atomic_load_explicit(
			(_Atomic uint64_t *)(w->fixture->ram + page * PAGE),
			memory_order_relaxed);
		sched_yield();
	}
	return NULL;
}

static void start_writers(struct fixture *f, struct writer *w, unsigned int n,
			  struct test_rng *rng)
{
	atomic_store_explicit(&f->stop, false, memory_order_relaxed);
	for (unsigned int i = 0; i < n; i++) {
		w[i].rng.state = test_rng_next(rng);
		w[i].fixture = f;
		w[i].index = i;
		w[i].drops = i == NWRITERS;
		w[i].log = calloc(LOG_SIZE, sizeof(*w[i].log));
		assert_non_null(w[i].log);
		atomic_init(&w[i].nlog, 0);
		assert_int_equal(
			pthread_create(&w[i].thread, NULL,
				       i > NWRITERS ? read_pages : change_pages,
				       &w[i]),
			0);
	}
}

static void stop_writers(struct fixture *f, struct writer *w, unsigned int n)
{
	atomic_store_explicit(&f->stop, true, memory_order_release);
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		free(w[i].log);
	}
}

static uint64_t logged(struct writer *w)
{
	/* Acquire: pairs with the release in change_pages. */
	return atomic_load_explicit(&w->nlog, memory_order_acquire);
}

static void harvest_into(struct fixture *f, uint8_t *seen)
{
	struct smudge_run run;
	uint64_t at = 0;

	track_harvest(&f->track);
	while (smudge_client_next_dirty(f->client, f->track.region, at, NPAGES,
					&run)) {
		memset(seen + run.first_page, 1, run.npages);
		at = run.first_page + run.npages;
	}
	track_take(&f->track, f->client, 0, NPAGES);
}

/*
 * Changes counted after the first look and before the second were done between
 * the end of the harvest before and the second harvest here.
 */
static uint64_t check_pair(struct fixture *f, struct writer *w)
{
	uint64_t from[NWRITERS + 1], to[NWRITERS + 1], n = 0;
	uint8_t seen[NPAGES] = {0};

	for (int i = 0; i <= NWRITERS; i++)
		from[i] = logged(&w[i]) + 1;
	harvest_into(f, seen);
	for (int i = 0; i <= NWRITERS; i++)
		to[i] = logged(&w[i]);
	harvest_into(f, seen);
	for (int i = 0; i <= NWRITERS; i++) {
		/* Drops of shared memory may be missed: read again at once. */
		for (uint64_t k = from[i];
		     k < to[i] && !(w[i].drops && f->is_shared); k++) {
			uint32_t page = atomic_load_explicit(
				&w[i].log[k % LOG_SIZE], memory_order_acquire);

			if (logged(&w[i]) >= k + LOG_SIZE)
				continue;
			n++;
			if (!seen[page])
				fail_msg("change %llu of thread %d is lost",
					 (unsigned long long)k, i);
		}
	}
	for (uint64_t p = NBUSY; p < NPAGES; p++)
		assert_int_equal(seen[p], 0);
	return n;
}

static uint64_t first_word(const struct fixture *f, uint64_t page)
{
	return *(volatile uint64_t *)(f->ram + page * PAGE + PAGE - 8);
}

/* Reading delivers them, and leaves them clean; a store is reported then. */
static void check_quiet_pages(struct fixture *f)
{
	for (uint64_t p = NBUSY; p < NPAGES; p++)
		assert_int_equal(first_word(f, p), pager_pattern(p));
	track_harvest(&f->track);
	assert_int_equal(
		smudge_client_count(f->client, f->track.region, NBUSY, NQUIET),
		0);
	*(volatile uint64_t *)(f->ram + NBUSY * PAGE) = 1;
	track_harvest(&f->track);
	assert_int_equal(
		smudge_client_count(f->client, f->track.region, NBUSY, NQUIET),
		1);
	assert_true(smudge_client_test(f->client, f->track.region, NBUSY));
	track_clean(&f->track, f->client);
}

static void deliver_and_track(bool is_shared, bool pager_first,
			      const char *name)
{
	struct test_rng rng = test_rng_start(name);
	struct writer writers[NWRITERS + 2];
	struct fixture f;
	uint64_t n = 0;

	open_fixture(&f, is_shared, pager_first);
	start_writers(&f, writers, NWRITERS + 2, &rng);
	for (int round = 0; round < NROUNDS || !n; round++)
		n += check_pair(&f, writers);
	stop_writers(&f, writers, NWRITERS + 2);
	track_harvest(&f.track);
	track_clean(&f.track, f.client);
	check_quiet_pages(&f);
	pager_close(&f.pager);
	assert_true(f.pager.ndelivered >= NQUIET);
	close_fixture(&f);
}

static void test_anonymous(void **state)
{
	deliver_and_track(false, true, "missing, anonymous, pager first");
	deliver_and_track(false, false, "missing, anonymous, tracker first");
}

static void test_memfd(void **state)
{
	deliver_and_track(true, true, "missing, memfd, pager first");
	deliver_and_track(true, false, "missing, memfd, tracker first");
}

/* The pager ends while threads write and a client harvests. */
static void pager_ends(bool is_shared, const char *name)
{
	struct test_rng rng = test_rng_start(name);
	struct writer writers[NWRITERS + 1];
	struct fixture f;

	open_fixture(&f, is_shared, false);
	start_writers(&f, writers, NWRITERS + 1, &rng);
	for (int round = 0; round < NPAGERS; round++) {
		uint8_t all[NPAGES] = {0};

		check_pair(&f, writers);
		pager_close(&f.pager);
		/* All of it lost its protection, and counts as written. */
		harvest_into(&f, all);
		assert_null(memchr(all, 0, NPAGES));
		check_pair(&f, writers);
		pager_open(&f.pager, f.ram, NPAGES);
		harvest_into(&f, all);
	}
	stop_writers(&f, writers, NWRITERS + 1);
	pager_close(&f.pager);
	close_fixture(&f);
}

static void test_pager_ends(void **state)
{
	pager_ends(false, "pager ends, anonymous");
	pager_ends(true, "pager ends, memfd");
}

static void *reopen_pager(void *opaque)
{
	struct fixture *f = opaque;

	while (goes_on(f)) {
		pager_close(&f->pager);
		pager_open(&f->pager, f->ram, NPAGES);
	}
	return NULL;
}

/* Harvests meet registrations that are being changed, and succeed. */
static void test_pager_comes_and_goes(void **state)
{
	struct test_rng rng = test_rng_start("pager comes and goes");
	struct writer writers[NWRITERS + 1];
	pthread_t thread;
	struct fixture f;

	open_fixture(&f, false, false);
	start_writers(&f, writers, NWRITERS, &rng);
	assert_int_equal(pthread_create(&thread, NULL, reopen_pager, &f), 0);
	for (int round = 0; round < NROUNDS; round++) {
		uint8_t seen[NPAGES] = {0};

		harvest_into(&f, seen);
		track_look(&f.track);
	}
	stop_writers(&f, writers, NWRITERS);
	pthread_join(thread, NULL);
	pager_close(&f.pager);
	close_fixture(&f);
}

/* The tracker ends first: pages are delivered all the same. */
static void test_tracker_ends(void **state)
{
	struct fixture f;

	open_fixture(&f, false, true);
	assert_int_equal(smudge_client_close(f.client), 0);
	for (uint64_t p = 0; p < NPAGES; p++)
		assert_int_equal(first_word(&f, p), pager_pattern(p));
	f.client = track_client(&f.track, "again");
	track_clean(&f.track, f.client);
	*(volatile uint8_t *)f.ram = 1;
	track_harvest(&f.track);
	track_expect(&f.track, f.client, 0);
	pager_close(&f.pager);
	assert_int_equal(f.pager.ndelivered, NPAGES);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_pager_ends),
		cmocka_unit_test(test_pager_comes_and_goes),
		cmocka_unit_test(test_tracker_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
