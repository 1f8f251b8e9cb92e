/* SPDX-License-Identifier: MIT */
/*
 * The writers, and the two invariants of source_loss.h.
 */
#include "source_loss.h"

#include <pthread.h>
#include <stdlib.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "racing.h"
#include "sys/clock.h"
#include "track.h"

#define NPAGES	 3000
#define NWRITERS 2
#define NROUNDS	 500
#define LOG_SIZE (1 << 20)
/*
 * No more rounds are begun. mprotect(2) is called once for each page that was
 * written since the last round and interrupts the other processors, so on a
 * busy machine a round may take a second.
 */
#define MOST_NS UINT64_C(20000000000)

struct writer {
	pthread_t thread;
	struct test_rng rng;
	uint8_t *ram;
	unsigned int index;
	_Atomic uint32_t *log; /* the last LOG_SIZE pages it wrote */
	_Atomic uint64_t nlog; /* released after the store it counts */
	atomic_bool *stop;
	pthread_mutex_t standing; /* held while it stores */
};

/* Some stores, as many as it makes before it may be stopped. */
static uint64_t write_some(struct writer *w, uint64_t n)
{
	for (uint64_t end = n + 64; n < end;) {
		uint64_t page =
			test_rng_below(&w->rng, NPAGES / NWRITERS) * NWRITERS +
			w->index;
		uint32_t *word = (uint32_t *)(w->ram + page * 4096);

		/* Relaxed, both: the release on nlog publishes them. */
		atomic_store_explicit(&w->log[n % LOG_SIZE], (uint32_t)page,
				      memory_order_relaxed);
		racing_store(word, (uint32_t)++n);
		/* Pairs with the acquire in logged. */
		atomic_store_explicit(&w->nlog, n, memory_order_release);
	}
	return n;
}

static void *write_pages(void *opaque)
{
	struct writer *w = opaque;
	uint64_t n = 0;

	/* Acquire: pairs with the release by stop_writers. */
	while (!atomic_load_explicit(w->stop, memory_order_acquire)) {
		pthread_mutex_lock(&w->standing);
		n = write_some(w, n);
		pthread_mutex_unlock(&w->standing);
		if (n % 512 == 0)
			sched_yield();
	}
	return NULL;
}

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct writer writers[NWRITERS];
	atomic_bool stop;
	uint8_t *ram;
};

static struct fixture the_fixture;

int source_loss_quiesce(void *opaque, struct smudge_error *err)
{
	for (int i = 0; i < NWRITERS; i++)
		pthread_mutex_lock(&the_fixture.writers[i].standing);
	return 0;
}

void source_loss_resume(void *opaque)
{
	for (int i = 0; i < NWRITERS; i++)
		pthread_mutex_unlock(&the_fixture.writers[i].standing);
}

static void open_fixture(struct fixture *f, source_loss_fn create)
{
	f->source = create(); /* skips the test where there is none */
	f->ram = mmap(NULL, NPAGES * 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	track_open(&f->track, f->ram, 0, NPAGES, 12);
	track_attach(&f->track, f->source, 0, 0);
	for (int i = 0; i < NWRITERS; i++)
		pthread_mutex_init(&f->writers[i].standing, NULL);
}

static void start_writers(struct fixture *f, struct test_rng *rng)
{
	atomic_init(&f->stop, false);
	for (unsigned int i = 0; i < NWRITERS; i++) {
		struct writer *w = &f->writers[i];

		w->rng.state = test_rng_next(rng);
		w->ram = f->ram;
		w->index = i;
		w->stop = &f->stop;
		w->log = calloc(LOG_SIZE, sizeof(*w->log));
		assert_non_null(w->log);
		atomic_init(&w->nlog, 0);
		assert_int_equal(
			pthread_create(&w->thread, NULL, write_pages, w), 0);
	}
}

static void stop_writers(struct fixture *f)
{
	atomic_store_explicit(&f->stop, true, memory_order_release);
	for (unsigned int i = 0; i < NWRITERS; i++) {
		pthread_join(f->writers[i].thread, NULL);
		free(f->writers[i].log);
	}
}

static void close_fixture(struct fixture *f)
{
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->ram, NPAGES * 4096);
}

/* Until something was found to check, which a busy machine may delay. */
static bool goes_on(int round, uint64_t until_ns, uint64_t nchecked)
{
	return (round < (int)test_rounds(NROUNDS) &&
		smi_sys_now_ns() < until_ns) ||
	       !nchecked;
}

void source_loss_changed_and_clean(source_loss_fn create)
{
	struct test_rng rng = test_rng_start("changed and clean");
	uint64_t until_ns = smi_sys_now_ns() + MOST_NS;
	struct watch watches[2];
	struct fixture *f = &the_fixture;

	open_fixture(f, create);
	watch_open(&watches[0], &f->track, "one");
	start_writers(f, &rng);
	watch_open(&watches[1], &f->track, "two");
	for (int round = 0; goes_on(round, until_ns, watches[0].nsuspects);
	     round++) {
		uint64_t first = test_rng_below(&rng, NPAGES);

		track_harvest(&f->track);
		watch_check(&watches[0]);
		watch_check(&watches[1]);
		watch_take(&watches[0], 0, NPAGES);
		watch_take(&watches[1], first,
			   test_rng_below(&rng, NPAGES - first) + 1);
		watch_suspect(&watches[0]);
		watch_suspect(&watches[1]);
	}
	stop_writers(f);
	track_harvest(&f->track);
	assert_true(watches[0].nsuspects > 0);
	for (int i = 0; i < 2; i++) {
		watch_finish(&watches[i]);
		watch_close(&watches[i]);
	}
	close_fixture(f);
}

static uint64_t logged(struct writer *w)
{
	/* Acquire: pairs with the release in write_pages. */
	return atomic_load_explicit(&w->nlog, memory_order_acquire);
}

static void harvest_into(struct fixture *f, struct smudge_client *client,
			 uint8_t *seen)
{
	struct smudge_run run;
	uint64_t at = 0;

	track_harvest(&f->track);
	while (smudge_client_next_dirty(client, f->track.region, at, NPAGES,
					&run)) {
		memset(seen + run.first_page, 1, run.npages);
		at = run.first_page + run.npages;
	}
	track_take(&f->track, client, 0, NPAGES);
}

/* Which page was the writer's store k? False when the log has wrapped. */
static bool logged_page(struct writer *w, uint64_t k, uint32_t *ret_page)
{
	/* Acquire: nlog must be read after it. */
	*ret_page = atomic_load_explicit(&w->log[k % LOG_SIZE],
					 memory_order_acquire);
	return logged(w) < k + LOG_SIZE;
}

/*
 * The writers' counters are read before each of the two harvests. A store that
 * was counted between the two readings was done before the second harvest, so
 * one of the two must report it. The first such store is left out: it may have
 * been done, and not yet counted, before the first reading.
 */
static uint64_t check_pair(struct fixture *f, struct smudge_client *client)
{
	uint64_t from[NWRITERS], to[NWRITERS], n = 0;
	uint8_t seen[NPAGES] = {0};

	for (int i = 0; i < NWRITERS; i++)
		from[i] = logged(&f->writers[i]) + 1;
	harvest_into(f, client, seen);
	for (int i = 0; i < NWRITERS; i++)
		to[i] = logged(&f->writers[i]);
	harvest_into(f, client, seen);
	for (int i = 0; i < NWRITERS; i++) {
		struct writer *w = &f->writers[i];
		uint32_t page;

		for (uint64_t k = from[i]; k < to[i]; k++) {
			if (!logged_page(w, k, &page))
				continue;
			n++;
			if (!seen[page])
				fail_msg("write %llu of thread %d is lost",
					 (unsigned long long)k, i);
		}
	}
	return n;
}

void source_loss_pairs(source_loss_fn create)
{
	struct test_rng rng = test_rng_start("pairs");
	uint64_t until_ns = smi_sys_now_ns() + MOST_NS;
	struct smudge_client *client;
	struct fixture *f = &the_fixture;
	uint64_t n = 0;

	open_fixture(f, create);
	client = track_client(&f->track, "pairs");
	track_clean(&f->track, client);
	start_writers(f, &rng);
	for (int round = 0; goes_on(round, until_ns, n); round++)
		n += check_pair(f, client);
	assert_true(n > 0);
	stop_writers(f);
	assert_int_equal(smudge_client_close(client), 0);
	close_fixture(f);
}
