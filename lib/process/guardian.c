/* SPDX-License-Identifier: MIT */
/*
 * clone(2) as vfork(2) does it, with a stack and handlers of its own, and with
 * our descriptors instead of a copy of them. The child has our thread's
 * thread-local memory, which the thread does not use until the child has ended.
 */
#include "process/guardian.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES  ((size_t)512 << 10)
#define GUARD_BYTES  ((size_t)64 << 10) /* a page, whatever its size */
#define SIGSET_BYTES 8

struct errand {
	void (*fn)(void *opaque);
	void *opaque;
	bool is_done;
};

/*
 * The system call itself: libc's function would tell a sanitizer, which shares
 * its memory with our process, about a handler that our process does not have.
 */
static void receive_sigchld(void)
{
	const struct {
		uint64_t handler, flags, restorer, mask;
	} action = {0};

	syscall(SYS_rt_sigaction, SIGCHLD, &action, NULL, SIGSET_BYTES);
}

static int run(void *opaque)
{
	struct errand *errand = opaque;

	receive_sigchld();
	errand->fn(errand->opaque);
	errand->is_done = true;
	return 0;
}

/* It sends no signal at its end, so it is seen by __WALL only. */
static int start_and_wait(struct errand *errand, char *stack)
{
	pid_t pid = clone(run, stack + STACK_BYTES,
			  CLONE_VM | CLONE_VFORK | CLONE_FILES, errand);
	int ret = pid < 0 ? -errno : 0;

	if (pid < 0)
		return ret;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return errand->is_done ? 0 : -EIO;
}

int smi_guardian_run(void (*fn)(void *opaque), void *opaque)
{
	struct errand errand = {.fn = fn, .opaque = opaque};
	sigset_t all, old;
	char *stack;
	int ret;

	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -ENOMEM;
	if (mprotect(stack, GUARD_BYTES, PROT_NONE) < 0) {
		munmap(stack, STACK_BYTES);
		return -ENOMEM;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = start_and_wait(&errand, stack);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(stack, STACK_BYTES);
	return ret;
}
