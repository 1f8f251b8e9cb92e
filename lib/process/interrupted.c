/* SPDX-License-Identifier: MIT */
/*
 * The list, from signal(7) and from the kernel's sources.
 */
#include "process/interrupted.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/text.h"

/* Newer than some headers. */
#define CALL_EPOLL_PWAIT2 441 /* Linux 5.11 */

static const uint16_t waits[] = {
	SYS_epoll_wait,
	SYS_epoll_pwait,
	CALL_EPOLL_PWAIT2,
	SYS_semop,
	SYS_semtimedop,
	SYS_rt_sigtimedwait,
	SYS_io_getevents,
	SYS_io_uring_enter, /* EINTR only if it has submitted nothing */
	/* with SO_RCVTIMEO or SO_SNDTIMEO */
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_recvmmsg,
	SYS_accept,
	SYS_accept4,
	SYS_connect,
	SYS_sendto,
	SYS_sendmsg,
	SYS_sendmmsg,
};

static const uint16_t transfers[] = {
	SYS_read,
	SYS_readv,
	SYS_write,
	SYS_writev,
};

static bool contains(const uint16_t *calls, size_t ncalls, uint64_t call)
{
	for (size_t i = 0; i < ncalls; i++)
		if (calls[i] == call)
			return true;
	return false;
}

static bool is_socket_or_inotify(pid_t pid, pid_t tid, uint64_t fd)
{
	char path[96], link[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd/%u", (int)pid,
		 (int)tid, (unsigned int)fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return false;
	return text_begins(link, "socket:") ||
	       text_begins(link, "anon_inode:inotify");
}

bool smi_interrupted_may_repeat(pid_t pid, pid_t tid, uint64_t call,
				uint64_t fd)
{
	if (contains(waits, sizeof(waits) / sizeof(waits[0]), call))
		return true;
	return contains(transfers, sizeof(transfers) / sizeof(transfers[0]),
			call) &&
	       is_socket_or_inotify(pid, tid, fd);
}
