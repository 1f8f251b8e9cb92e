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
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)512 << 10)
#define GUARD_BYTES ((size_t)64 << 10) /* a page, whatever its size */

struct errand {
	void (*fn)(void *opaque);
	void *opaque;
	bool is_done;
};

/*
 * Its stack begins at a multiple of its size, so it is found from any frame.
 * Thread-local memory is the waiting thread's, and the library may have none.
 */
const void **smi_guardian_slot(void)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	return (const void **)((frame & ~(STACK_BYTES - 1)) + GUARD_BYTES);
}

/* The child has a table of handlers of its own. */
static void receive_sigchld(void)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(SIGCHLD, &action, NULL);
}

static int run(void *opaque)
{
	struct errand *errand = opaque;

	receive_sigchld();
	errand->fn(errand->opaque);
	errand->is_done = true;
	return 0;
}

#ifdef __GLIBC__
/* The same by a name that ThreadSanitizer does not replace: its own ends us. */
int __clone(int (*fn)(void *opaque), void *stack, int flags, void *opaque, ...);
#define clone __clone
#endif

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
	char *memory, *stack;
	int ret;

	memory = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	stack = memory + (-(uintptr_t)memory & (STACK_BYTES - 1));
	if (mprotect(stack, GUARD_BYTES, PROT_NONE) < 0) {
		munmap(memory, 2 * STACK_BYTES);
		return -ENOMEM;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = start_and_wait(&errand, stack);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(memory, 2 * STACK_BYTES);
	return ret;
}
