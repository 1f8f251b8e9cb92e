/* SPDX-License-Identifier: MIT */
/*
 * A process that writes its memory and counts: for smudge rate to measure, and
 * to find out whether it was hurt by it.
 *
 * usage: rate_target COUNTER NPAGES BATCH PAUSE_US [CHILDREN]
 *
 * It writes one page after the other of a mapping named rate-target, BATCH of
 * them, and sleeps for PAUSE_US, over and over. The file COUNTER holds how many
 * pages were written: it is increased after each. With CHILDREN each of them
 * does the same, counted in a number of its own behind the first. The last
 * number of the file is written by the test: the first number does not exceed
 * it, unless it is 0.
 *
 * SIGTERM: it compares each page with what it wrote there last, prints "right"
 * or what is wrong, and exits with 0 or 1. SIGUSR1: it executes itself. A sleep
 * that is interrupted by anything else is wrong, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	     4096
#define MAX_CHILDREN 64

static volatile sig_atomic_t signal_seen;

static void note(int number)
{
	signal_seen = number;
}

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void *map(int fd, size_t size, int flags)
{
	void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (bytes == MAP_FAILED)
		fail("mmap");
	return bytes;
}

/* Private, with a name, and every page is there. */
static unsigned char *make_memory(size_t npages)
{
	int fd = memfd_create("rate-target", MFD_CLOEXEC);
	unsigned char *bytes;

	if (fd < 0 || ftruncate(fd, (off_t)(npages * PAGE)) < 0)
		fail("memfd");
	bytes = map(fd, npages * PAGE, MAP_PRIVATE);
	close(fd);
	for (size_t page = 0; page < npages; page++)
		bytes[page * PAGE] = 0xff;
	return bytes;
}

static _Atomic uint64_t *open_counters(const char *path)
{
	size_t size = (MAX_CHILDREN + 2) * sizeof(uint64_t);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		fail(path);
	return map(fd, size, MAP_SHARED);
}

/* The number of the write is in the page's first 8 bytes. */
static void check(const unsigned char *bytes, uint64_t npages, uint64_t written)
{
	for (uint64_t page = 0; page < npages; page++) {
		/* the last write below @written that was to this page */
		uint64_t expected =
			written <= page
				? UINT64_C(0xff)
				: page + (written - 1 - page) / npages * npages;
		uint64_t found;

		memcpy(&found, bytes + page * PAGE, sizeof(found));
		if (found == expected)
			continue;
		printf("page %llu has %llx, not %llx\n",
		       (unsigned long long)page, (unsigned long long)found,
		       (unsigned long long)expected);
		fflush(stdout);
		_exit(1);
	}
	printf("right\n");
	fflush(stdout);
}

/* Nothing but its own signals interrupts a sleep. */
static void pause_for(long us)
{
	const struct timespec span = {us / 1000000, us % 1000000 * 1000};

	if (us && nanosleep(&span, NULL) < 0 && !signal_seen)
		fail("nanosleep");
}

/* May one more page be written? */
static bool may_write(_Atomic uint64_t *counters, int own)
{
	uint64_t limit = atomic_load_explicit(&counters[MAX_CHILDREN + 1],
					      memory_order_acquire);

	return own || !limit ||
	       atomic_load_explicit(&counters[0], memory_order_relaxed) < limit;
}

static uint64_t write_pages(unsigned char *bytes, uint64_t npages,
			    uint64_t batch, long pause_us,
			    _Atomic uint64_t *counters, int own)
{
	uint64_t written = 0;

	while (!signal_seen) {
		for (uint64_t i = 0; i < batch && may_write(counters, own);
		     i++) {
			memcpy(bytes + written % npages * PAGE, &written,
			       sizeof(written));
			written++;
			/* the test reads it: a page is written before */
			atomic_fetch_add_explicit(&counters[own], 1,
						  memory_order_release);
		}
		pause_for(pause_us);
	}
	return written;
}

int main(int argc, char *argv[])
{
	struct sigaction action = {.sa_handler = note};
	_Atomic uint64_t *counters;
	unsigned char *bytes;
	uint64_t npages, written;
	int nchildren = argc > 5 ? atoi(argv[5]) : 0;
	int own = 0;

	if (argc < 5 || nchildren > MAX_CHILDREN)
		return 2;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	npages = strtoull(argv[2], NULL, 0);
	counters = open_counters(argv[1]);
	for (int i = 1; i <= nchildren && !own; i++) {
		if (fork() == 0)
			own = i;
	}
	if (own)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	bytes = make_memory(npages);
	written = write_pages(bytes, npages, strtoull(argv[3], NULL, 0),
			      atol(argv[4]), counters, own);
	if (signal_seen == SIGUSR1 && !own) {
		execv("/proc/self/exe", argv);
		fail("execv");
	}
	check(bytes, npages, written);
	return 0;
}
