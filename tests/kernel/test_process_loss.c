/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost: a process whose threads never stop writing, and whose
 * mappings come, go, grow and are replaced at random, is copied page by page
 * from outside. Then it stands, and every page of every mapping is compared
 * with the copy. A naive oracle: the child says itself what its memory is.
 *
 * The child draws everything from one seed, which is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/smudge.h>

#include "source/soft_dirty_bits.h"
#include "support.h"

#define PAGE	 4096
#define NPLACES	 8
#define NPAGES	 96 /* of a place, at most */
#define NTHREADS 3
#define ROUNDS	 40

/* What the child and the test share: a page for orders. */
struct shared {
	_Atomic bool is_to_rest;
	_Atomic int nresting; /* threads that stand */
	_Atomic bool is_over;
	_Atomic uint64_t nchanges;
	/* changed while all rest, but by the thread that changes mappings */
	uint64_t start[NPLACES];
	_Atomic uint64_t npages[NPLACES];
	_Atomic uint64_t nwrites;
};

static struct shared *shared;
static int memfd;
static uint64_t seed;

/* ---- the child -------------------------------------------------------- */

static void rest(void)
{
	/* Sequentially consistent, all: it is a test. */
	if (!atomic_load(&shared->is_to_rest))
		return;
	atomic_fetch_add(&shared->nresting, 1);
	while (atomic_load(&shared->is_to_rest))
		usleep(50);
	atomic_fetch_sub(&shared->nresting, 1);
}

/*
 * A mapping may go at any moment, so stores go through the kernel, which says
 * EFAULT: read(2) of a pipe copies like a store.
 */
static void store(int pipe_fds[2], uint64_t at, const char *bytes)
{
	char sink[64];

	if (write(pipe_fds[1], bytes, 64) != 64)
		_exit(3);
	if (read(pipe_fds[0], (void *)(uintptr_t)at, 64) != 64) {
		while (read(pipe_fds[0], sink, sizeof(sink)) > 0)
			;
	}
}

static void *write_always(void *opaque)
{
	struct test_rng rng = {.state = seed ^ (uintptr_t)opaque * 977};
	uint64_t bytes[8], place = 0, page = 0;
	int fds[2];

	if (pipe2(fds, O_NONBLOCK) < 0)
		_exit(4);
	for (uint64_t i = 0; !atomic_load(&shared->is_over); i++) {
		rest();
		/* One page for a while: most pages are not written. */
		if (i % 2048 == 0) {
			place = test_rng_below(&rng, NPLACES);
			page = test_rng_below(&rng, NPAGES);
		}
		for (int k = 0; k < 8; k++)
			bytes[k] = test_rng_next(&rng);
		if (page < atomic_load(&shared->npages[place]))
			store(fds,
			      shared->start[place] + page * PAGE +
				      test_rng_below(&rng, 60) * 64,
			      (const char *)bytes);
		atomic_fetch_add(&shared->nwrites, 1);
	}
	return NULL;
}

static bool map(uint64_t at, uint64_t npages, int flags, int fd, uint64_t off)
{
	return mmap((void *)(uintptr_t)at, npages * PAGE,
		    PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
		    (off_t)off) != MAP_FAILED;
}

/* Each place is of one kind; the last ones change theirs. */
static bool map_place(struct test_rng *rng, uint64_t place, uint64_t first,
		      uint64_t npages)
{
	uint64_t at = shared->start[place] + first * PAGE;
	uint64_t kind = place % 4;
	uint64_t off = (place * NPAGES + first) * PAGE;

	if (place >= 6)
		kind = test_rng_below(rng, 4);
	if (!(kind == 1 ? map(at, npages, MAP_SHARED, memfd, off)
	      : kind == 2
		      ? map(at, npages, MAP_PRIVATE, memfd, off)
		      : map(at, npages, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
		return false;
	/* Some pages have content that can be dropped. */
	for (uint64_t i = 0; i < npages; i += 1 + test_rng_below(rng, 3))
		memset((void *)(uintptr_t)(at + i * PAGE),
		       (int)test_rng_below(rng, 256), 100);
	return true;
}

static void *reserve(uint64_t at, uint64_t npages)
{
	return mmap((void *)(uintptr_t)at, npages * PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			    (at ? MAP_FIXED : 0),
		    -1, 0);
}

/* A part of a place, which a change is about. */
struct part {
	uint64_t place, first, npages;
	uint64_t total; /* pages that the place has */
	void *from;
	size_t bytes;
};

static void go(struct test_rng *rng, const struct part *p)
{
	atomic_store(&shared->npages[p->place], p->first);
	reserve((uintptr_t)p->from, NPAGES - p->first);
}

static void grow(struct test_rng *rng, const struct part *p)
{
	uint64_t more = test_rng_below(rng, NPAGES - p->total + 1);

	if (more && map_place(rng, p->place, p->total, more))
		atomic_store(&shared->npages[p->place], p->total + more);
}

static void replace(struct test_rng *rng, const struct part *p)
{
	if (p->npages)
		map_place(rng, p->place, p->first, p->npages);
}

static void drop(struct test_rng *rng, const struct part *p)
{
	madvise(p->from, p->bytes, MADV_DONTNEED);
}

static void protect(struct test_rng *rng, const struct part *p)
{
	mprotect(p->from, p->bytes, PROT_READ);
	mprotect(p->from, p->bytes, PROT_READ | PROT_WRITE);
}

static void page_out(struct test_rng *rng, const struct part *p)
{
	madvise(p->from, p->bytes, MADV_PAGEOUT);
}

/* A child shares the pages for a while. */
static void fork_once(struct test_rng *rng, const struct part *p)
{
	if (fork() == 0)
		_exit(0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* A move that fails may have moved a part: then all of the rest is gone. */
static void move_and_back(struct test_rng *rng, const struct part *p)
{
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	void *scratch;

	if (!p->npages)
		return;
	scratch = reserve(0, p->npages);
	if (mremap(p->from, p->bytes, p->bytes, flags, scratch) != MAP_FAILED &&
	    reserve((uintptr_t)p->from, p->npages) != MAP_FAILED &&
	    mremap(scratch, p->bytes, p->bytes, flags, p->from) != MAP_FAILED)
		return;
	go(rng, p);
	munmap(scratch, p->bytes);
}

static void change(struct test_rng *rng)
{
	static void (*const changes[])(struct test_rng * rng,
				       const struct part *p) = {
		go,   grow,    replace,	 drop,		drop,	  drop,
		drop, protect, page_out, move_and_back, fork_once};
	struct part p = {.place = test_rng_below(rng, NPLACES)};

	p.total = atomic_load(&shared->npages[p.place]);
	if (p.total) {
		p.first = test_rng_below(rng, p.total);
		p.npages = 1 + test_rng_below(rng, p.total - p.first);
	}
	p.from = (void *)(uintptr_t)(shared->start[p.place] + p.first * PAGE);
	p.bytes = p.npages * PAGE;
	changes[test_rng_below(rng, sizeof(changes) / sizeof(changes[0]))](rng,
									   &p);
	atomic_fetch_add(&shared->nchanges, 1);
}

static void run_child(void)
{
	struct test_rng rng = {.state = seed};
	pthread_t threads[NTHREADS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memfd = memfd_create("loss", 0);
	if (memfd < 0 || ftruncate(memfd, NPLACES * NPAGES * PAGE) < 0)
		_exit(5);
	for (uint64_t i = 0; i < NPLACES; i++)
		shared->start[i] = (uintptr_t)reserve(0, NPAGES + 16);
	for (uintptr_t i = 0; i < NTHREADS; i++) {
		if (pthread_create(&threads[i], NULL, write_always, (void *)i))
			_exit(6);
	}
	while (!atomic_load(&shared->is_over)) {
		rest();
		change(&rng);
		/* In some rounds a place has one change only. */
		usleep((useconds_t)test_rng_below(&rng, 1500));
	}
	_exit(0);
}

/* ---- the tracker ------------------------------------------------------ */

static struct smudge_memory *memory;
static struct smudge_process *process;
static struct smudge_client *client;
static uint8_t (*copies)[NPAGES][PAGE]; /* of the places */

/* The copy of an address, or NULL. */
static uint8_t *copy_of(uint64_t at)
{
	for (uint64_t i = 0; i < NPLACES; i++) {
		if (at >= shared->start[i] &&
		    at < shared->start[i] + NPAGES * PAGE)
			return copies[i][(at - shared->start[i]) / PAGE];
	}
	return NULL;
}

static void read_run(struct smudge_region *region, struct smudge_run run)
{
	uint64_t gpa = smudge_region_gpa(region);

	for (uint64_t p = run.first_page; p < run.first_page + run.npages;
	     p++) {
		uint8_t *copy = copy_of(gpa + p * PAGE);

		/* What is gone cannot be read, and will be gone or dirty. */
		if (copy)
			(void)!smudge_region_read(region, p, 1, copy, NULL);
	}
}

static void take_all(void)
{
	static struct smudge_region *regions[SMUDGE_MAX_REGIONS];
	size_t n = smudge_memory_regions(memory, regions, SMUDGE_MAX_REGIONS);
	struct smudge_batch *batch;

	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct smudge_run rest = {0, smudge_region_npages(regions[i])};

		while (smudge_client_take_next(client, regions[i], &rest,
					       UINT64_MAX, batch, NULL) > 0) {
			for (size_t k = 0; k < smudge_batch_nruns(batch); k++)
				read_run(regions[i],
					 smudge_batch_run(batch, k));
			smudge_client_commit(client, batch);
		}
	}
	assert_int_equal(smudge_batch_destroy(batch), 0);
}

static void harvest(bool is_look)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = is_look ? smudge_process_look(process, &err)
			  : smudge_process_harvest(process, &err);

	if (ret < 0)
		fail_msg("%s", err.message);
}

static void let_rest(bool is_to_rest)
{
	atomic_store(&shared->is_to_rest, is_to_rest);
	while (atomic_load(&shared->nresting) !=
	       (is_to_rest ? NTHREADS + 1 : 0))
		usleep(50);
}

static void compare(pid_t pid, int round)
{
	static uint8_t now[PAGE];

	for (uint64_t i = 0; i < NPLACES; i++) {
		uint64_t n = atomic_load(&shared->npages[i]);

		for (uint64_t p = 0; p < n; p++) {
			uint64_t at = shared->start[i] + p * PAGE;
			struct iovec to = {now, PAGE};
			struct iovec from = {(void *)(uintptr_t)at, PAGE};

			assert_int_equal(
				process_vm_readv(pid, &to, 1, &from, 1, 0),
				PAGE);
			if (memcmp(now, copies[i][p], PAGE) != 0)
				fail_msg("round %d: page %d of place %d was "
					 "changed, and is not in the copy",
					 round, (int)p, (int)i);
		}
	}
}

static pid_t start(void)
{
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	copies = calloc(NPLACES, sizeof(*copies));
	assert_true(shared != MAP_FAILED && copies);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child();
	while (atomic_load(&shared->nchanges) < 10)
		usleep(100);
	return pid;
}

static void attach(pid_t pid, enum smudge_process_method method)
{
	const struct smudge_process_options how = {.size = sizeof(how),
						   .method = method};
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "copy"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret;

	assert_int_equal(smudge_memory_create(&memory), 0);
	ret = smudge_process_open(memory, pid, &how, &process, &err);
	if (ret < 0)
		fail_msg("%s", err.message);
	assert_int_equal(smudge_client_open(memory, &options, &client, NULL),
			 0);
}

static void run(enum smudge_process_method method)
{
	struct test_rng rng;
	struct smudge_process_stats stats = {.size = sizeof(stats)};
	pid_t pid;

	rng = test_rng_start("process_loss");
	seed = test_rng_next(&rng);
	pid = start();
	attach(pid, method);
	for (int round = 0; round < ROUNDS; round++) {
		for (uint64_t i = test_rng_below(&rng, 4); i; i--) {
			harvest(test_rng_below(&rng, 3) == 0);
			if (test_rng_below(&rng, 3))
				take_all();
		}
		let_rest(true);
		harvest(false);
		take_all();
		compare(pid, round);
		let_rest(false);
	}
	assert_int_equal(smudge_process_stats(process, &stats), 0);
	printf("# %d writes, %d changes; %d regions appeared, %d gone, %d "
	       "resized, %d mappings replaced\n",
	       (int)atomic_load(&shared->nwrites),
	       (int)atomic_load(&shared->nchanges), (int)stats.regions_appeared,
	       (int)stats.regions_gone, (int)stats.regions_resized,
	       (int)stats.mappings_replaced);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_process_close(process, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	atomic_store(&shared->is_over, true);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	free(copies);
	munmap(shared, sizeof(*shared));
}

static void by_uffd(void **state)
{
	test_need_uffd();
	run(SMUDGE_PROCESS_UFFD);
}

static void by_soft_dirty(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smi_soft_dirty_probe(&err) < 0)
		test_skip_without("soft-dirty", err.message);
	run(SMUDGE_PROCESS_SOFT_DIRTY);
}

TEST_MAIN(by_uffd, by_soft_dirty)
