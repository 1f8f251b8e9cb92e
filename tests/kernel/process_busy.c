/* SPDX-License-Identifier: MIT */
/*
 * The process that never rests.
 */
#include "process_busy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define FILE_BYTES (NPLACES * NPAGES * PAGE)

static struct shared *shared;
/* What is mapped shared, and what private: a hole in a file is not reported in
   pages that show it (drops.h), so the latter has no content of its own. */
static int shared_fd, private_fd;
static uint64_t seed;

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
 * EFAULT: read(2) of a pipe copies like a store. Return: false: EFAULT.
 */
static bool try_store(int pipe_fds[2], uint64_t at, const char *bytes)
{
	char sink[64];

	if (write(pipe_fds[1], bytes, 64) != 64)
		_exit(3);
	if (read(pipe_fds[0], (void *)(uintptr_t)at, 64) == 64)
		return true;
	while (read(pipe_fds[0], sink, sizeof(sink)) > 0)
		;
	return false;
}

/*
 * Until it is done or the page is gone: of a store that ends with its page
 * fault, the kernel does not say that the page was dropped before
 * (docs/kernel-support.md).
 */
static void store(int pipe_fds[2], uint64_t place, uint64_t page,
		  uint64_t offset_bytes, const char *bytes)
{
	uint64_t at = shared->start[place] + page * PAGE + offset_bytes;

	while (page < atomic_load(&shared->npages[place]) &&
	       !try_store(pipe_fds, at, bytes))
		sched_yield();
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
		store(fds, place, page, test_rng_below(&rng, 60) * 64,
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
	if (!(kind == 1 ? map(at, npages, MAP_SHARED, shared_fd, off)
	      : kind == 2
		      ? map(at, npages, MAP_PRIVATE, private_fd, off)
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

static off_t offset_of(const struct part *p)
{
	return (off_t)((p->place * NPAGES + p->first) * PAGE);
}

/* Only the shared file has content, so only there it is a hole. */
static void punch(struct test_rng *rng, const struct part *p)
{
	if (p->npages)
		fallocate(shared_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  offset_of(p), (off_t)p->bytes);
}

/* The mappings are longer than their file for a while. */
static void cut_file(struct test_rng *rng, const struct part *p)
{
	int fd = test_rng_below(rng, 2) ? shared_fd : private_fd;

	if (ftruncate(fd, offset_of(p)) < 0)
		_exit(7);
	usleep((useconds_t)test_rng_below(rng, 1500));
	if (ftruncate(fd, FILE_BYTES) < 0)
		_exit(8);
}

static void change(struct test_rng *rng)
{
	static void (*const changes[])(struct test_rng * rng,
				       const struct part *p) = {
		go,	   grow,  replace, drop,     drop,
		drop,	   drop,  protect, page_out, move_and_back,
		fork_once, punch, punch,   cut_file, cut_file};
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

void busy_run(struct shared *with, uint64_t from_seed)
{
	struct test_rng rng = {.state = from_seed};
	pthread_t threads[NTHREADS];

	shared = with;
	seed = from_seed;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared_fd = memfd_create("loss shared", 0);
	private_fd = memfd_create("loss private", 0);
	if (shared_fd < 0 || ftruncate(shared_fd, FILE_BYTES) < 0 ||
	    private_fd < 0 || ftruncate(private_fd, FILE_BYTES) < 0)
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
