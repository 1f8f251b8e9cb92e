/* SPDX-License-Identifier: MIT */
/*
 * Processes whose only thread has no stack to spare are let go with a sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "other.h"
#include "proc_of.h"
#include "sentence.h"
#include "support.h"
#include "tracker.h"

static _Atomic int *nready; /* shared with the process: its threads */

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* On the stack on which the thread stays. */
static void wait_here(void)
{
	++*nready;
	wait_for_ever();
}

/* The one thread waits on a stack whose end is not known. */
static bool wait_on_heap(void)
{
	static ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = malloc(1 << 20);
	there.uc_stack.ss_size = 1 << 20;
	makecontext(&there, wait_here, 0);
	swapcontext(&here, &there);
	return false;
}

#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, Linux 6.13 */
#define GUARD_BIT     (UINT64_C(1) << 58)
#define PAGE	      4096
#define STACK_BYTES   (1 << 20)

/* A page that may not be touched, which no mapping shows. */
static bool install_guard(char *page)
{
	return madvise(page, PAGE, GUARD_INSTALL) == 0;
}

/* Does the kernel tell? Linux 6.15. */
static bool guards_are_known(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	assert_true(fd >= 0 && page != MAP_FAILED);
	if (install_guard(page))
		assert_int_equal(
			pread(fd, &word, sizeof(word),
			      (off_t)((uintptr_t)page / PAGE * sizeof(word))),
			sizeof(word));
	close(fd);
	munmap(page, PAGE);
	return word & GUARD_BIT;
}

/* Two stacks in one mapping, each with a guard page below; the thread's is the
 * upper one. */
static char *stacks;

static void *wait_on_own(void *opaque)
{
	wait_here();
	return opaque;
}

/* The thread goes to the lower one. */
static void *wait_on_other(void *opaque)
{
	static ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = stacks + PAGE;
	there.uc_stack.ss_size = STACK_BYTES - PAGE;
	makecontext(&there, wait_here, 0);
	swapcontext(&here, &there);
	return opaque;
}

/* The main thread is of no use, so the other one is. */
static bool wait_beside(void *(*other)(void *opaque))
{
	pthread_attr_t attributes;
	pthread_t thread;

	stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stacks == MAP_FAILED || !install_guard(stacks) ||
	    !install_guard(stacks + STACK_BYTES) ||
	    pthread_attr_init(&attributes) ||
	    pthread_attr_setstack(&attributes, stacks + STACK_BYTES,
				  STACK_BYTES) ||
	    pthread_create(&thread, &attributes, other, NULL))
		return false;
	return wait_on_heap();
}

static bool wait_on_guarded(void)
{
	return wait_beside(wait_on_own);
}

static bool wait_below_guard(void)
{
	return wait_beside(wait_on_other);
}

/* For a compiler that warns of what never returns. */
static void (*volatile at_the_end)(void) = wait_here;

static void recurse(unsigned int depth)
{
	volatile char filler[1024];

	filler[0] = (char)depth;
	if (depth)
		recurse(depth - 1);
	else
		at_the_end();
	filler[1] = filler[0];
}

/* Down to the last of what its stack has grown to. */
static bool use_up_stack(void)
{
	recurse(2000);
	return false;
}

/* As other_start, for what does not return. */
static pid_t start(bool (*body)(void), int nthreads)
{
	pid_t pid;

	nready = mmap(NULL, sizeof(*nready), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(nready, MAP_FAILED);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body());
	}
	while (*nready < nthreads || proc_of_state(pid) != 'S')
		usleep(100);
	munmap((void *)nready, sizeof(*nready));
	return pid;
}

static int attach(pid_t pid, struct smudge_error *err)
{
	int ret;

	do { /* -ETIMEDOUT: it was not given a processor */
		ret = tracker_attach(pid, 30, err);
	} while (ret == -ETIMEDOUT);
	return ret;
}

static void expect_no_thread(bool (*body)(void))
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char sentence[200];
	pid_t pid = start(body, 1);
	int ret = attach(pid, &err);

	snprintf(sentence, sizeof(sentence),
		 "no thread of process %d can be used at this moment; of "
		 "thread %d: its stack is nearly used up, or has no known end",
		 (int)pid, (int)pid);
	expect_sentence(&err, ret, -EAGAIN, sentence);
	while (proc_of_state(pid) != 'S')
		usleep(100); /* it waits again */
	other_end(pid);
}

static void test_unknown_stack(void **state)
{
	expect_no_thread(wait_on_heap);
}

static void test_stack_used_up(void **state)
{
	expect_no_thread(use_up_stack);
}

/*
 * A program whose main thread is on a small stack of its own, nearly used up.
 * In the same mapping lie the program's data below it, and above it the memory
 * of the thread; below the mapping is one that may not be touched.
 */
#define SMALL_BYTES 65536
#define LEFT_BYTES  1024
#define DATA	    0x5a
#define PROGRAM	    "coroutine"

#define MAX_PROGRAMS 20

/* By a call that was made before: the loader needs no room for it. */
static void wait_with_little_room(void)
{
	for (;;)
		syscall(SYS_pause);
}

static void (*volatile at_the_small_end)(void) = wait_with_little_room;

static void use_up_small_stack(void)
{
	volatile char here = 0;
	char *bottom = stacks + SMALL_BYTES;
	volatile char *room =
		__builtin_alloca((size_t)((char *)&here - bottom) - LEFT_BYTES);

	room[0] = here;
	at_the_small_end();
}

/* Where the mapping begins that has the thread's memory, or 0. */
static uint64_t start_of_thread_memory(void)
{
	uint64_t self = (uint64_t)pthread_self(), start, end;
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t found = 0;
	char line[512];

	while (maps && !found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " rw-p", &start,
			   &end) == 2 &&
		    start <= self && self < end)
			found = start;
	if (maps)
		fclose(maps);
	return found;
}

static bool map_at(uint64_t at, size_t bytes, int prot)
{
	return mmap((void *)(uintptr_t)at, bytes, prot,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		    0) == (void *)(uintptr_t)at;
}

/* Tells where the data is; 0: it cannot be tried here. */
static int run_program(void)
{
	static ucontext_t here, there;
	uint64_t at = start_of_thread_memory() - 2 * SMALL_BYTES;
	uint64_t told = 0;

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (map_at(at, 2 * SMALL_BYTES, PROT_READ | PROT_WRITE) &&
	    map_at(at - PAGE, PAGE, PROT_NONE) &&
	    start_of_thread_memory() == at)
		told = at;
	stacks = (char *)(uintptr_t)at;
	if (told)
		memset(stacks, DATA, SMALL_BYTES);
	if (write(STDOUT_FILENO, &told, sizeof(told)) != sizeof(told) || !told)
		return 1;
	getcontext(&there);
	there.uc_stack.ss_sp = stacks + SMALL_BYTES;
	there.uc_stack.ss_size = SMALL_BYTES;
	makecontext(&there, use_up_small_stack, 0);
	return swapcontext(&here, &there);
}

static pid_t start_program(uint64_t *ret_data)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/proc/self/exe", "test_stack", PROGRAM, NULL);
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], ret_data, sizeof(*ret_data)) != sizeof(*ret_data))
		*ret_data = 0;
	close(fds[0]);
	return pid;
}

static void test_data_below_a_small_stack(void **state)
{
	static unsigned char data[SMALL_BYTES];
	const struct iovec to = {data, sizeof(data)};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct iovec from = {.iov_len = sizeof(data)};
	uint64_t at = 0;
	pid_t pid = start_program(&at);
	int ret;

	/* the next one's memory lies elsewhere */
	for (int i = 0; i < MAX_PROGRAMS && !at; i++) {
		waitpid(pid, NULL, 0);
		pid = start_program(&at);
	}
	if (!at) {
		waitpid(pid, NULL, 0);
		test_skip_without("layout", "other memory is in the way");
	}
	while (proc_of_state(pid) != 'S')
		usleep(100);
	ret = attach(pid, &err);
	from.iov_base = (void *)(uintptr_t)at;
	assert_int_equal(process_vm_readv(pid, &to, 1, &from, 1, 0),
			 sizeof(data));
	other_end(pid);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], DATA);
	assert_int_equal(ret, -EAGAIN);
	assert_non_null(strstr(err.message, "has no known end"));
}

static void need_known_guards(void)
{
	if (!guards_are_known())
		test_skip_without("guards", "Linux 6.15 tells of guard pages");
}

static void test_guarded_stack(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	pid_t pid;

	need_known_guards();
	pid = start(wait_on_guarded, 2);
	if (attach(pid, &err) != 0)
		fail_msg("%s", err.message);
	while (proc_of_state(pid) != 'S')
		usleep(100); /* it waits again */
	other_end(pid);
}

static void test_stack_below_a_guard(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	pid_t pid;

	need_known_guards();
	pid = start(wait_below_guard, 2);
	assert_int_equal(attach(pid, &err), -EAGAIN);
	assert_non_null(strstr(err.message, "has no known end"));
	other_end(pid);
}

int main(int argc, char **argv)
{
	const CMUnitTestFunction functions[] = {
		test_unknown_stack, test_stack_used_up,
		test_data_below_a_small_stack, test_guarded_stack,
		test_stack_below_a_guard};

	if (argc == 2 && !strcmp(argv[1], PROGRAM))
		return run_program();
	return test_run(functions, sizeof(functions) / sizeof(functions[0]),
			"test_unknown_stack, test_stack_used_up, "
			"test_data_below_a_small_stack, test_guarded_stack, "
			"test_stack_below_a_guard",
			NULL, NULL);
}
