/* SPDX-License-Identifier: MIT */
/*
 * The name is bound and listened to, so that another smudge can ask the kernel
 * who owns it.
 */
#include "process/claim.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "process/proc.h"

#define WHERE "process"

static uint64_t pid_namespace(pid_t pid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

/* The last number of "NSpid:", which is the process's own. */
static long pid_in_namespace(pid_t pid)
{
	char text[SMI_PROC_TEXT_BYTES];
	long n =
		smi_proc_read(smi_proc_open(pid, "status"), text, sizeof(text));
	char *line = n < 0 ? NULL : strstr(text, "\nNSpid:");
	char *end = line ? strchr(line + 1, '\n') : NULL;
	char *last;

	if (!end)
		return pid;
	*end = '\0';
	last = strrchr(line, '\t');
	return last ? strtol(last, NULL, 10) : pid;
}

static socklen_t make_name(pid_t pid, uint64_t start_time,
			   struct sockaddr_un *name)
{
	size_t room = sizeof(name->sun_path) - 1;
	int length;

	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	length = snprintf(name->sun_path + 1, room,
			  "smudge/%" PRIu64 "/%ld/%" PRIu64, pid_namespace(pid),
			  pid_in_namespace(pid), start_time);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)length);
}

/* Who listens under the name? 0: not known. */
static pid_t owner(const struct sockaddr_un *name, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return 0;
	if (connect(fd, (const void *)name, length) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

static int claimed(pid_t pid, pid_t by, struct smudge_error *err)
{
	if (!by)
		return smudge_error_set(err, -EBUSY, WHERE,
					"process %d is tracked by another "
					"smudge already",
					(int)pid);
	return smudge_error_set(err, -EBUSY, WHERE,
				"process %d is tracked by process %d already",
				(int)pid, (int)by);
}

int smi_claim_take(pid_t pid, uint64_t start_time, int *ret_claim,
		   struct smudge_error *err)
{
	struct sockaddr_un name;
	socklen_t length = make_name(pid, start_time, &name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? -errno : 0;

	if (!code && (bind(fd, (void *)&name, length) < 0 || listen(fd, 8) < 0))
		code = -errno;
	if (!code) {
		*ret_claim = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (code == -EADDRINUSE)
		return claimed(pid, owner(&name, length), err);
	return smudge_error_set(err, code, WHERE,
				"cannot make a socket that claims process %d: "
				"%s",
				(int)pid, strerror(-code));
}
