/* SPDX-License-Identifier: MIT */
/*
 * A process whose memory and registers are known at any moment: for core files
 * to be compared with, and to find out whether it was hurt.
 *
 * usage: core_target [MIB]
 *
 * Threads: one counts in an array, one slot after the other, so that at any
 * moment no slot is more than one behind the first; one keeps a pattern in its
 * vector registers and counts; one waits for a condition that never comes; the
 * first one sleeps, over and over. Its pid is printed when each of them is in
 * the function where it stays, by the first one after its first sleep. MIB are
 * allocated and written, and then a page of them per millisecond.
 *
 * SIGTERM: it compares everything, prints "right" or what is wrong, and exits
 * with 0 or 1. A sleep that is interrupted by anything else is wrong, too.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE	   4096
#define NSLOTS	   64
#define SLOT_WORDS (PAGE / sizeof(uint64_t))

/* For the test to read in a core file; a page for each slot. */
volatile uint64_t slots[NSLOTS][SLOT_WORDS] __attribute__((aligned(PAGE)));
volatile uint64_t nsleeps;
volatile uint64_t nspins;
volatile uint64_t nwritten;
const char *const greeting = "a string in memory that is not written";
uint8_t pattern[16][32];
uint8_t found[16][32];
static volatile sig_atomic_t is_ending;
static volatile uint64_t stop_spinning;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static bool is_waiting; /* with the lock */
static uint64_t *heap;
static size_t nheap_pages;

static void note(int number)
{
	(void)number;
	is_ending = 1;
}

static __attribute__((noreturn)) void wrong(const char *what)
{
	printf("wrong: %s\n", what);
	fflush(stdout);
	_exit(1);
}

static void *count_slots(void *opaque)
{
	for (uint64_t n = 1; !is_ending; n++)
		for (size_t i = 0; i < NSLOTS; i++)
			slots[i][n % SLOT_WORDS] = slots[i][0] = n;
	return opaque;
}

#ifdef __x86_64__
/* The registers are the pattern in all of the loop. */
static __attribute__((target("avx2"), noinline)) void spin(void)
{
	__asm__ volatile(
		"vmovdqu 0x000(%0), %%ymm0\n\t"
		"vmovdqu 0x020(%0), %%ymm1\n\t"
		"vmovdqu 0x0e0(%0), %%ymm7\n\t"
		"vmovdqu 0x1e0(%0), %%ymm15\n\t"
		"movq $0x5eed, %%r12\n"
		"1:\n\t"
		"incq (%2)\n\t"
		"cmpq $0, (%3)\n\t"
		"je 1b\n\t"
		"vmovdqu %%ymm0, 0x000(%1)\n\t"
		"vmovdqu %%ymm1, 0x020(%1)\n\t"
		"vmovdqu %%ymm7, 0x0e0(%1)\n\t"
		"vmovdqu %%ymm15, 0x1e0(%1)\n\t"
		:
		: "r"(pattern), "r"(found), "r"(&nspins), "r"(&stop_spinning)
		: "memory", "cc", "r12", "xmm0", "xmm1", "xmm7", "xmm15");
}

static void *keep_registers(void *opaque)
{
	static const int kept[] = {0, 1, 7, 15};

	if (!__builtin_cpu_supports("avx2")) {
		nspins = 1;
		return opaque;
	}
	spin();
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (memcmp(pattern[kept[i]], found[kept[i]], 32) != 0)
			wrong("vector registers");
	return opaque;
}
#else
static void *keep_registers(void *opaque)
{
	nspins = 1;
	return opaque;
}
#endif

static void *wait_for_ever(void *opaque)
{
	pthread_mutex_lock(&lock);
	is_waiting = true;
	while (!is_ending)
		pthread_cond_wait(&never, &lock);
	pthread_mutex_unlock(&lock);
	return opaque;
}

static uint64_t word_of(size_t page, uint64_t n)
{
	return n * UINT64_C(0x9e3779b97f4a7c15) + page;
}

/* Page @n % the number of pages was written last with @n. */
static void write_page(uint64_t n)
{
	size_t page = n % nheap_pages;

	for (size_t i = 0; i < SLOT_WORDS; i++)
		heap[page * SLOT_WORDS + i] = word_of(page, n);
	nwritten = n;
}

static void check_heap(void)
{
	for (uint64_t n = nwritten; n > 0 && n + nheap_pages > nwritten; n--)
		for (size_t i = 0; i < SLOT_WORDS; i++)
			if (heap[n % nheap_pages * SLOT_WORDS + i] !=
			    word_of(n % nheap_pages, n))
				wrong("a page of the heap");
}

/* A thread that was created may not have begun yet. */
static bool all_are_where_they_stay(void)
{
	bool waits;

	pthread_mutex_lock(&lock);
	waits = is_waiting;
	pthread_mutex_unlock(&lock);
	return waits && nspins && slots[NSLOTS - 1][0];
}

static void say_pid_once(void)
{
	static bool is_said;

	if (is_said || !all_are_where_they_stay())
		return;
	is_said = true;
	printf("%d\n", (int)getpid());
	fflush(stdout);
}

static __attribute__((noinline)) int sleep_deep(int depth, uint64_t local)
{
	const struct timespec span = {.tv_nsec = 1000000};

	if (depth)
		return sleep_deep(depth - 1, local + 1) + 1;
	while (!is_ending) {
		if (nanosleep(&span, NULL) < 0 &&
		    (errno != EINTR || !is_ending))
			wrong("a sleep was interrupted");
		write_page(nwritten + 1);
		nsleeps++;
		say_pid_once();
	}
	return (int)(local & 1);
}

static void allocate(size_t mib)
{
	nheap_pages = mib * (1 << 20) / PAGE;
	heap = malloc(nheap_pages * PAGE);
	if (!heap)
		wrong("no memory");
	for (size_t i = 0; i < nheap_pages; i++)
		write_page(i + 1);
}

int main(int argc, char **argv)
{
	static void *(*const bodies[])(void *) = {count_slots, keep_registers,
						  wait_for_ever};
	const struct sigaction action = {.sa_handler = note};
	pthread_t threads[3];
	sigset_t term;

	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 32; k++)
			pattern[i][k] = (uint8_t)(i * 16 + k + 1);
	allocate(argc > 1 ? (size_t)atoi(argv[1]) : 1);
	/* SIGTERM is for the first thread */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigaction(SIGTERM, &action, NULL);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, bodies[i], NULL))
			wrong("no thread");
	pthread_sigmask(SIG_UNBLOCK, &term, NULL);
	sleep_deep(5, 100);
	stop_spinning = 1;
	pthread_mutex_lock(&lock);
	pthread_cond_signal(&never);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 1; i < NSLOTS; i++)
		if (slots[i][0] != slots[0][0])
			wrong("slots");
	check_heap();
	puts("right");
	return 0;
}
