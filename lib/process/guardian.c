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

#include "sys/clock.h"

#define STACK_BYTES ((size_t)512 << 10)
#define GUARD_BYTES ((size_t)64 << 10) /* a page, whatever its size */
/* What is used of it has its pages before a process is stopped. */
#define USED_BYTES ((size_t)128 << 10)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

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
void smi_guardian_receive_sigchld(void)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(SIGCHLD, &action, NULL);
}

static int run(void *opaque)
{
	struct errand *errand = opaque;

	smi_guardian_receive_sigchld();
	errand->fn(errand->opaque);
	errand->is_done = true;
	return 0;
}

#ifdef __GLIBC__
/* The same by a name that ThreadSanitizer does not replace: its own ends us. */
int __clone(int (*fn)(void *opaque), void *stack, int flags, void *opaque, ...);
#define clone __clone
#endif

static char *stack_in(char *memory)
{
	return memory + (-(uintptr_t)memory & (STACK_BYTES - 1));
}

char *smi_guardian_map_stack(void)
{
	char *memory = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mprotect(stack_in(memory), GUARD_BYTES, PROT_NONE) < 0) {
		smi_guardian_unmap_stack(memory);
		return NULL;
	}
	(void)madvise(stack_in(memory) + STACK_BYTES - USED_BYTES, USED_BYTES,
		      MADV_POPULATE_WRITE);
	return memory;
}

void smi_guardian_unmap_stack(char *memory)
{
	munmap(memory, 2 * STACK_BYTES);
}

pid_t smi_guardian_clone(int (*fn)(void *opaque), char *memory, int flags,
			 void *opaque, int *ret_pidfd)
{
	return clone(fn, stack_in(memory) + STACK_BYTES, flags, opaque,
		     ret_pidfd);
}

void smi_guardian_reap(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static int start_and_wait(struct errand *errand, char *memory,
			  uint64_t *ret_ended_ns)
{
	pid_t pid = smi_guardian_clone(run, memory,
				       CLONE_VM | CLONE_VFORK | CLONE_FILES,
				       errand, NULL);
	int ret = pid < 0 ? -errno : 0;

	if (pid < 0)
		return ret;
	smi_guardian_reap(pid);
	*ret_ended_ns = smi_sys_now_ns();
	return errand->is_done ? 0 : -EIO;
}

int smi_guardian_run(void (*fn)(void *opaque), void *opaque,
		     uint64_t *ret_ended_ns)
{
	struct errand errand = {.fn = fn, .opaque = opaque};
	char *memory = smi_guardian_map_stack();
	sigset_t all, old;
	int ret;

	if (!memory)
		return -ENOMEM;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = start_and_wait(&errand, memory, ret_ended_ns);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	smi_guardian_unmap_stack(memory);
	return ret;
}
