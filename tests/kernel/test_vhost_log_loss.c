/* SPDX-License-Identifier: MIT */
/*
 * Back ends in processes of their own write guest memory, a used ring included,
 * and mark the vhost log, while this process harvests, takes and copies without
 * a pause. A write that was logged before a harvest began is in its copy, and
 * all of the memory equals the copy in the end. The same back ends, when they
 * mark before they write, must lose: that shows that the test can fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <smudge/vhost_log.h>

#include "racing.h"
#include "track.h"

#define MAX_EARLY_RUNS 200
#define NPAGES	       200
#define NBACKENDS      2
#define BEFORE	       21 /* pages of the log below the region */
#define GPA	       (BEFORE * UINT64_C(4096))
#define RAM_BYTES      (NPAGES * (size_t)4096)
#define LOG_BYTES      4096
#define NWRITES	       300000 /* of the first back end */
#define MAX_SECONDS    5
#define RING_SIZE      256
#define RING_GPA       (GPA + 100 * 4096 + 64)

/* All of it is shared with the back ends. */
struct shared {
	_Alignas(4096) uint8_t ram[RAM_BYTES];
	_Alignas(4096) uint8_t log[LOG_BYTES];
	_Atomic uint32_t done[NPAGES]; /* the number that was logged last */
	_Atomic uint32_t nwrites;
	atomic_bool stop;
	bool marks_early;
};

struct fixture {
	struct shared *shared;
	int fd;
	pid_t backend[NBACKENDS];
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	uint8_t copy[RAM_BYTES];
	uint32_t done_before[NPAGES];
};

static void mark(struct shared *s, uint64_t gpa, uint64_t length)
{
	if (smudge_vhost_log_mark(s->log, LOG_BYTES, gpa, length))
		_exit(1);
}

/* A page's number, at a place of the back end's own. */
static void write_page(struct shared *s, uint64_t page, uint32_t n)
{
	if (s->marks_early) {
		mark(s, GPA + page * 4096, 4);
		if (n % 64 == 0)
			sched_yield();
	}
	racing_store(s->ram + page * 4096, n);
	if (!s->marks_early)
		mark(s, GPA + page * 4096, 4);
	/* Release: pairs with the acquire in begin_pass. */
	atomic_store_explicit(&s->done[page], n, memory_order_release);
}

/* An element, then the index; each is logged after it was written. */
static void write_used_ring(struct shared *s, uint32_t n)
{
	uint8_t *ring = s->ram + (RING_GPA - GPA);
	unsigned int i = n % RING_SIZE;

	racing_store(ring + 4 + 8 * i, n);
	mark(s, RING_GPA + 4 + 8 * i, 8);
	racing_store(ring, n << 16);
	mark(s, RING_GPA + 2, 2);
}

/* Pages of each back end are its own, so each number has one writer. */
static void run_backend(struct shared *s, unsigned int index, uint64_t seed)
{
	struct test_rng rng = {seed};

	/* Acquire: pairs with the release in stop_backends. */
	for (uint32_t n = 1;
	     !atomic_load_explicit(&s->stop, memory_order_acquire); n++) {
		uint64_t page =
			test_rng_below(&rng, NPAGES / NBACKENDS) * NBACKENDS +
			index;

		if (page * 4096 / 8192 != (RING_GPA - GPA) / 8192)
			write_page(s, page, n);
		if (index == 0) {
			write_used_ring(s, n);
			/* Relaxed: a count, to know when it is enough. */
			atomic_store_explicit(&s->nwrites, n,
					      memory_order_relaxed);
		}
	}
	_exit(0);
}

static void start_backends(struct fixture *f, struct test_rng *rng)
{
	for (unsigned int i = 0; i < NBACKENDS; i++) {
		uint64_t seed = test_rng_next(rng);

		f->backend[i] = fork();
		assert_true(f->backend[i] >= 0);
		if (!f->backend[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			run_backend(f->shared, i, seed);
		}
	}
}

static void stop_backend(struct fixture *f, int i)
{
	int status;

	atomic_store_explicit(&f->shared->stop, true, memory_order_release);
	assert_int_equal(waitpid(f->backend[i], &status, 0), f->backend[i]);
	assert_int_equal(status, 0);
}

static void stop_backends(struct fixture *f)
{
	for (int i = 0; i < NBACKENDS; i++)
		stop_backend(f, i);
}

static void open_fixture(struct fixture *f, bool marks_early)
{
	struct smudge_vhost_log_options o = {.size = sizeof(o),
					     .log_bytes = LOG_BYTES};

	memset(f, 0, sizeof(*f));
	f->fd = memfd_create("vhost", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(f->fd >= 0);
	assert_int_equal(ftruncate(f->fd, sizeof(*f->shared)), 0);
	assert_int_equal(fcntl(f->fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	f->shared = mmap(NULL, sizeof(*f->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED, f->fd, 0);
	assert_ptr_not_equal(f->shared, MAP_FAILED);
	f->shared->marks_early = marks_early;
	o.log = f->shared->log;
	track_open(&f->track, f->shared->ram, GPA, NPAGES, 12);
	assert_int_equal(smudge_vhost_log_create(&o, &f->source, NULL), 0);
	track_attach(&f->track, f->source, 0, 0);
	f->client = track_client(&f->track, "test");
}

static void close_fixture(struct fixture *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->shared, sizeof(*f->shared));
	close(f->fd);
}

static void copy_taken(struct fixture *f)
{
	struct track *t = &f->track;

	assert_int_equal(smudge_client_take(f->client, t->region, 0, NPAGES,
					    t->batch, NULL),
			 0);
	for (size_t i = 0; i < smudge_batch_nruns(t->batch); i++) {
		struct smudge_run run = smudge_batch_run(t->batch, i);

		assert_int_equal(smudge_region_read(
					 t->region, run.first_page, run.npages,
					 f->copy + run.first_page * 4096, NULL),
				 0);
	}
	assert_int_equal(smudge_client_commit(f->client, t->batch), 0);
}

/* Return: pages whose copy is older than what was logged before the pass. */
static unsigned int pass(struct fixture *f)
{
	unsigned int nlost = 0;

	for (int p = 0; p < NPAGES; p++)
		f->done_before[p] = atomic_load_explicit(&f->shared->done[p],
							 memory_order_acquire);
	track_harvest(&f->track);
	copy_taken(f);
	for (int p = 0; p < NPAGES; p++)
		nlost += racing_load(f->copy + p * 4096) < f->done_before[p];
	return nlost;
}

static unsigned int run(struct fixture *f, struct test_rng *rng)
{
	time_t end = time(NULL) + MAX_SECONDS;
	unsigned int nlost = 0;
	uint32_t nwrites;

	start_backends(f, rng);
	/* Some at least, however late the back ends begin. */
	do {
		nlost += pass(f);
		nwrites = atomic_load_explicit(&f->shared->nwrites,
					       memory_order_relaxed);
	} while (!nwrites || (nwrites < NWRITES && time(NULL) < end));
	stop_backends(f);
	nlost += pass(f);
	return nlost;
}

static struct fixture fixture;

static void test_no_loss(void **state)
{
	struct test_rng rng = test_rng_start("vhost_log_loss");

	open_fixture(&fixture, false);
	assert_int_equal(run(&fixture, &rng), 0);
	assert_memory_equal(fixture.copy, fixture.shared->ram, RAM_BYTES);
	/* its index, which is 0 for some numbers of writes */
	assert_int_equal(racing_load(fixture.copy + (RING_GPA - GPA)),
			 fixture.shared->nwrites << 16);
	for (size_t i = 0; i < LOG_BYTES; i++)
		assert_int_equal(fixture.shared->log[i], 0);
	close_fixture(&fixture);
}

static void test_early_marks_lose(void **state)
{
	struct test_rng rng = test_rng_start("vhost_log_loss, early");
	unsigned int nlost = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip_without("processors", "one hardly loses a write");
	/* A pass must fall between a mark and its write, which is chance. */
	for (int i = 0; i < MAX_EARLY_RUNS && !nlost; i++) {
		open_fixture(&fixture, true);
		nlost = run(&fixture, &rng);
		close_fixture(&fixture);
	}
	print_message("# %u lost\n", nlost);
	assert_true(nlost > 0);
}

TEST_MAIN(test_no_loss, test_early_marks_lose)
