/* SPDX-License-Identifier: MIT */
/*
 * A process whose memory changes in ways that its page tables do not show, or
 * while its threads stand.
 *
 * usage: writers_target descriptor|view|private|twin
 *
 * It counts: each count is stored to memory that only this program writes, and
 * then to the first word of each of its pages of the kind, in ascending order.
 * So at any moment no page differs from another by more than one, and none is
 * ahead of the count. Prints "PID ADDRESS-OF-COUNT ADDRESS-OF-PAGES", in
 * hexadecimal; the twin counts by then.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PAGE	    4096
#define NPAGES	    64
#define BYTES	    ((size_t)NPAGES * PAGE)
#define STACK_BYTES 65536

static volatile uint64_t count;
static const char *kind;
static uint8_t *pages; /* what is looked at */
static uint8_t *view;  /* the same file at another address */
static int file;

static __attribute__((noreturn)) void failed(const char *what)
{
	perror(what);
	exit(1);
}

static bool is(const char *name)
{
	return strcmp(kind, name) == 0;
}

static void *map(int flags, int fd)
{
	void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		failed("mmap");
	return at;
}

static void put(size_t page)
{
	uint64_t word = count;

	if (is("view"))
		*(volatile uint64_t *)(view + page * PAGE) = word;
	else if (is("twin"))
		*(volatile uint64_t *)(pages + page * PAGE) = word;
	else if (pwrite(file, &word, sizeof(word), (off_t)(page * PAGE)) !=
		 sizeof(word))
		failed("pwrite");
}

static int run(void *opaque)
{
	const struct timespec span = {.tv_nsec = 200000};

	for (;;) {
		count++;
		for (size_t page = 0; page < NPAGES; page++)
			put(page);
		if (count % 16 == 0)
			nanosleep(&span, NULL);
	}
	return opaque != NULL;
}

/* Another process with this address space, which ends with this one. */
static int run_as_twin(void *opaque)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return run(opaque);
}

static void start_twin(void)
{
	char *stack = malloc(STACK_BYTES);

	if (!stack || clone(run_as_twin, stack + STACK_BYTES,
			    CLONE_VM | SIGCHLD, NULL) < 0)
		failed("clone");
	while (!count)
		usleep(1000);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	kind = argv[1];
	file = memfd_create("pages", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, BYTES))
		failed("memfd_create");
	pages = map(is("private") ? MAP_PRIVATE : MAP_SHARED, file);
	if (is("view"))
		view = map(MAP_SHARED, file);
	if (!is("descriptor") && !is("private"))
		close(file);
	if (is("twin"))
		start_twin();
	printf("%d %lx %lx\n", (int)getpid(), (unsigned long)&count,
	       (unsigned long)pages);
	fflush(stdout);
	while (is("twin"))
		pause();
	return run(NULL);
}
