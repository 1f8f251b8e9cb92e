/* SPDX-License-Identifier: MIT */
/*
 * The keeper shares our memory, and at first the thread-local memory of the
 * thread that starts it; that one waits meanwhile. What runs beside others has
 * the mark ALONE: no sanitizer and no canary, which are in thread-local memory,
 * and of libc only syscall(2), which touches nothing there unless it fails. The
 * calls that are made do not fail, for all signals are blocked.
 */
#include "process/keeper.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/guardian.h"

#if defined(__clang__)
#define ALONE                                                                 \
	__attribute__((disable_sanitizer_instrumentation, no_stack_protector, \
		       noinline))
#else
#define ALONE                                                   \
	__attribute__((no_sanitize("address,thread,undefined"), \
		       no_stack_protector, noinline))
#endif

/* Of the thread that starts it, until that continues. */
struct start {
	struct smi_keeper *keeper;
	int (*fn)(void *opaque);
	void *opaque;
	int result;
	bool is_done;
	int pidfd;	       /* of the keeper */
	struct pollfd news[2]; /* that it stays, or that it has ended */
};

static unsigned int min_fd(const struct smi_keeper *k)
{
	int a = k->ends[0].fd, b = k->ends[1].fd;

	return (unsigned int)(a < b ? a : b);
}

static unsigned int max_fd(const struct smi_keeper *k)
{
	int a = k->ends[0].fd, b = k->ends[1].fd;

	return (unsigned int)(a < b ? b : a);
}

/*
 * A table of its own, with nothing else: what we close meanwhile is closed, and
 * our end of the line ends with us. Before Linux 5.9 it keeps copies, and does
 * not see that we execute another program.
 */
static int leave_descriptors(const struct smi_keeper *keeper)
{
	unsigned int low = min_fd(keeper), high = max_fd(keeper);

	if (unshare(CLONE_FILES) < 0)
		return -errno;
	if (low)
		syscall(SYS_close_range, 0U, low - 1, 0U);
	if (high - low > 1)
		syscall(SYS_close_range, low + 1, high - 1, 0U);
	syscall(SYS_close_range, high + 1, ~0U, 0U);
	return 0;
}

static int watch_children(struct smi_keeper *keeper)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	keeper->ends[2] = (struct pollfd){.fd = fd, .events = POLLIN};
	return fd < 0 ? -errno : 0;
}

static bool prepare_and_do(struct start *start)
{
	syscall(SYS_set_tid_address, &start->keeper->is_alive);
	smi_guardian_receive_sigchld();
	start->result = leave_descriptors(start->keeper);
	if (start->result == 0)
		start->result = watch_children(start->keeper);
	if (start->result == 0)
		start->result = start->fn(start->opaque);
	start->is_done = true;
	return start->result == 0;
}

/* A stop that was not waited for hides what comes after it. */
ALONE static bool has_child_ended(siginfo_t *child)
{
	for (;;) {
		child->si_pid = 0;
		if (syscall(SYS_waitid, P_ALL, 0, child,
			    WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL,
			    NULL) < 0)
			return true;
		if (!child->si_pid)
			return false;
		if (child->si_code != CLD_TRAPPED &&
		    child->si_code != CLD_STOPPED)
			return true;
		syscall(SYS_waitid, P_PID, child->si_pid, child,
			WSTOPPED | WNOHANG | __WALL, NULL);
	}
}

ALONE static void stay(struct smi_keeper *keeper)
{
	struct pollfd *ends = keeper->ends;

	syscall(SYS_write, ends[0].fd, "", 1);
	while (syscall(SYS_ppoll, ends, 3, NULL, NULL, 0) > 0 &&
	       !ends[0].revents && !ends[1].revents) {
		syscall(SYS_read, ends[2].fd, keeper->signal,
			sizeof(keeper->signal));
		if (has_child_ended(&keeper->child))
			break;
	}
}

ALONE static int run(void *opaque)
{
	struct start *start = opaque;
	/* @start is gone as soon as the other end has the byte. */
	struct smi_keeper *keeper = start->keeper;

	if (prepare_and_do(start))
		stay(keeper);
	return 0;
}

/* Return: its id, or -1 with errno. */
ALONE static pid_t clone_and_wait(struct start *start)
{
	pid_t pid = smi_guardian_clone(run, start->keeper->memory,
				       CLONE_VM | CLONE_FILES | CLONE_PIDFD,
				       start, &start->pidfd);

	if (pid < 0)
		return pid;
	start->news[1] = (struct pollfd){.fd = start->pidfd, .events = POLLIN};
	while (syscall(SYS_ppoll, start->news, 2, NULL, NULL, 0) == 0)
		;
	return pid;
}

/* Its two descriptors, and our end of the line. Return: 0 or -errno. */
static int open_ends(struct smi_keeper *keeper)
{
	int line[2], us;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0)
		return -errno;
	us = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (us < 0) {
		int ret = -errno;

		close(line[0]);
		close(line[1]);
		return ret;
	}
	keeper->line = line[0];
	keeper->ends[0] = (struct pollfd){.fd = line[1], .events = POLLIN};
	keeper->ends[1] = (struct pollfd){.fd = us, .events = POLLIN};
	return 0;
}

static void close_ends(const struct smi_keeper *keeper)
{
	close(keeper->ends[0].fd);
	close(keeper->ends[1].fd);
}

/* Return: 0: it stays; 1: it has ended by itself; or -errno. */
static int start_and_wait(struct start *start)
{
	struct smi_keeper *keeper = start->keeper;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	keeper->pid = clone_and_wait(start);
	ret = keeper->pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret < 0)
		return ret;
	if (start->pidfd >= 0)
		close(start->pidfd);
	if (start->news[0].revents)
		return 0;
	smi_guardian_reap(keeper->pid);
	return start->is_done ? 1 : -EIO;
}

static void free_keeper(struct smi_keeper *keeper)
{
	close(keeper->line);
	smi_guardian_unmap_stack(keeper->memory);
	keeper->memory = NULL;
}

int smi_keeper_start(struct smi_keeper *keeper, int (*fn)(void *opaque),
		     void *opaque, int *ret_result)
{
	struct start start = {
		.keeper = keeper, .fn = fn, .opaque = opaque, .pidfd = -1};
	int ret;

	*keeper = (struct smi_keeper){.memory = smi_guardian_map_stack()};
	if (!keeper->memory)
		return -ENOMEM;
	atomic_init(&keeper->is_alive, 1);
	ret = open_ends(keeper);
	if (ret < 0) {
		smi_guardian_unmap_stack(keeper->memory);
		return ret;
	}
	start.news[0] = (struct pollfd){.fd = keeper->line, .events = POLLIN};
	ret = start_and_wait(&start);
	close_ends(keeper);
	if (ret)
		free_keeper(keeper);
	if (ret < 0)
		return ret;
	*ret_result = start.result;
	return 0;
}

bool smi_keeper_stays(const struct smi_keeper *keeper)
{
	/* Pairs with the kernel's store; what was done before it comes first.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&keeper->is_alive, memory_order_seq_cst);
}

int smi_keeper_end(struct smi_keeper *keeper)
{
	int ret = smi_keeper_stays(keeper) ? 0 : -EIO;

	/* A child of ours may have a copy of the line, so closing it is not
	   enough. */
	send(keeper->line, "", 1, MSG_NOSIGNAL);
	smi_guardian_reap(keeper->pid);
	free_keeper(keeper);
	return ret;
}
