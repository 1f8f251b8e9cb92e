/* SPDX-License-Identifier: MIT */
/*
 * The name is bound and listened to, so that another smudge can ask the kernel
 * who owns it, and which user that is.
 */
#include "process/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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

/* Who listens under the name? Return: false: not known. */
static bool find_owner(const struct sockaddr_un *name, socklen_t length,
		       struct ucred *ret_owner)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(*ret_owner);
	bool is_known;

	if (fd < 0)
		return false;
	is_known =
		connect(fd, (const void *)name, length) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret_owner, &size) == 0;
	close(fd);
	return is_known;
}

/* What the files of /proc/PID belong to: root, if it may not be traced. */
static bool is_user_of(pid_t pid, uid_t uid)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && st.st_uid == uid;
}

/*
 * May one who took the name track the process? Another user may have taken it
 * only to be in the way. Of a name that is bound and not listened to, it cannot
 * be known.
 */
static bool is_believed(const struct ucred *owner, pid_t pid)
{
	return owner->uid == 0 || owner->uid == geteuid() ||
	       is_user_of(pid, owner->uid);
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

/* Return: the descriptor; -1: it cannot be locked; or -EBUSY. */
static int take_lock(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd < 0 ? -1 : fd;
	if (errno != EWOULDBLOCK) {
		close(fd);
		return -1;
	}
	close(fd);
	return -EBUSY;
}

/* Return: the descriptor, or -errno. */
static int take_name(const struct sockaddr_un *name, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? -errno : 0;

	if (!code &&
	    (bind(fd, (const void *)name, length) < 0 || listen(fd, 8) < 0))
		code = -errno;
	if (!code)
		return fd;
	if (fd >= 0)
		close(fd);
	return code;
}

static int cannot_claim(pid_t pid, int code, struct smudge_error *err)
{
	return smudge_error_set(err, code, WHERE,
				"cannot make a socket that claims process %d: "
				"%s",
				(int)pid, strerror(-code));
}

int smi_claim_take(pid_t pid, uint64_t start_time, struct smi_claim *ret_claim,
		   struct smudge_error *err)
{
	struct sockaddr_un name;
	socklen_t length = make_name(pid, start_time, &name);
	struct smi_claim claim = {.lock = take_lock(pid), .socket = -1};
	struct ucred owner = {0};
	bool is_known = false;

	if (claim.lock != -EBUSY)
		claim.socket = take_name(&name, length);
	if (claim.lock == -EBUSY || claim.socket == -EADDRINUSE)
		is_known = find_owner(&name, length, &owner) &&
			   is_believed(&owner, pid);
	if (claim.lock == -EBUSY || (claim.socket == -EADDRINUSE && is_known)) {
		if (claim.lock >= 0)
			close(claim.lock);
		return claimed(pid, is_known ? owner.pid : 0, err);
	}
	if (claim.socket < 0 && claim.socket != -EADDRINUSE) {
		if (claim.lock >= 0)
			close(claim.lock);
		return cannot_claim(pid, claim.socket, err);
	}
	*ret_claim = claim;
	return 0;
}

void smi_claim_end(struct smi_claim *claim)
{
	if (claim->lock >= 0)
		close(claim->lock);
	if (claim->socket >= 0)
		close(claim->socket);
	*claim = SMI_CLAIM_NONE;
}
