/* SPDX-License-Identifier: MIT */
/*
 * The child's side of process_rig.h.
 */
#include "process_child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_rig.h"
#include "sys/uffd.h"

static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = &fd, .iov_len = sizeof(fd)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(socket, &msg, 0) < 0)
		_exit(3);
}

static int64_t own_uffd(uint64_t at, uint64_t bytes)
{
	int fd = smi_sys_uffd_open(true);
	uint64_t has;

	if (fd < 0 || smi_sys_uffd_api(fd, 0, &has) < 0)
		return -1;
	return smi_sys_uffd_register(fd, at, bytes, SMI_SYS_UFFD_MODE_MISSING);
}

static int64_t fork_store(uint64_t at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		*(volatile uint8_t *)at = 0x77;
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static void exec_again(int socket)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", socket);
	fcntl(socket, F_SETFD, 0);
	execl("/proc/self/exe", "rig", "--obey", number, NULL);
	_exit(4);
}

static int64_t obey(int socket, const struct request *q)
{
	const uint64_t *a = q->args;
	void *at = (void *)(uintptr_t)a[0];

	switch (q->order) {
	case MMAP:
		return (int64_t)(intptr_t)mmap(at, a[1], (int)a[2], (int)a[3],
					       (int)a[4], 0);
	case MUNMAP:
		return munmap(at, a[1]);
	case MREMAP:
		return (int64_t)(intptr_t)mremap(
			at, a[1], a[2],
			MREMAP_MAYMOVE | (a[3] ? MREMAP_FIXED : 0),
			(void *)(uintptr_t)a[3]);
	case MPROTECT:
		return mprotect(at, a[1], (int)a[2]);
	case MADVISE:
		return madvise(at, a[1], (int)a[2]);
	case MAKE_MEMFD: {
		int fd = memfd_create("rig", 0);

		return ftruncate(fd, (off_t)a[0]) < 0 ? -1 : fd;
	}
	case STORE:
		memset(at, (int)a[1], RIG_PAGE);
		return 0;
	case LOAD:
		return *(volatile uint8_t *)at;
	case FORK_STORE:
		return fork_store(a[0]);
	case EXEC:
		exec_again(socket);
		return -1;
	case UFFD: {
		int fd = smi_sys_uffd_open(true);

		send_fd(socket, fd);
		close(fd);
		return 0;
	}
	case OWN_UFFD:
		return own_uffd(a[0], a[1]);
	case SBRK:
		return (int64_t)(intptr_t)sbrk((intptr_t)a[0]);
	case SYSTEM_CALL:
		return syscall((long)a[0], a[1], a[2], a[3]);
	case EXIT:
		_exit(0);
	}
	return -1;
}

void process_child_serve(int socket)
{
	struct request q;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (recv(socket, &q, sizeof(q), 0) == sizeof(q)) {
		int64_t answer = obey(socket, &q);

		if (send(socket, &answer, sizeof(answer), 0) < 0)
			break;
	}
	_exit(0);
}

void process_rig_main(int argc, char **argv)
{
	int64_t answer = 0;
	int socket;

	if (argc != 3 || strcmp(argv[1], "--obey") != 0)
		return;
	socket = atoi(argv[2]);
	/* The answer to the order to execute. */
	if (send(socket, &answer, sizeof(answer), 0) < 0)
		_exit(5);
	process_child_serve(socket);
}
