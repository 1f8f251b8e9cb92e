/* SPDX-License-Identifier: MIT */
/*
 * Processes, by /proc.
 */
#include "rate/target.h"

#include <smudge/error.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/process.h"
#include "number.h"

#define MAX_PID INT32_MAX

void rate_target_read_name(struct rate_target *target)
{
	char path[64], line[RATE_NAME_BYTES];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)target->pid);
	in = fopen(path, "re");
	if (!in)
		return;
	if (!fgets(line, sizeof(line), in))
		line[0] = '\0';
	fclose(in);
	line[strcspn(line, "\n")] = '\0';
	if (line[0])
		rate_name_copy(target->name, line);
}

static int refuse(struct smudge_error *err, int code, pid_t pid)
{
	if (code == -ESRCH)
		return smudge_error_set(err, code, "rate",
					"there is no process %d", (int)pid);
	if (code == -EINVAL || code == -ENOENT)
		return smudge_error_set(err, -ESRCH, "rate",
					"%d is a thread of another process",
					(int)pid);
	return smudge_error_set(err, code, "rate",
				"process %d cannot be opened: %s", (int)pid,
				strerror(-code));
}

int rate_target_open(pid_t pid, struct rate_target *ret_target,
		     struct smudge_error *err)
{
	struct rate_target target = {.pid = pid, .name = "?"};
	const char *why;

	if (pid == getpid())
		return smudge_error_set(err, -EINVAL, "rate",
					"%d is smudge itself", (int)pid);
	target.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (target.pidfd < 0)
		return refuse(err, -errno, pid);
	rate_target_read_name(&target);
	if (rate_target_has_ended(&target)) {
		close(target.pidfd);
		return smudge_error_set(err, -ESRCH, "rate",
					"process %d has ended", (int)pid);
	}
	why = process_memory_missing(pid);
	if (why) {
		close(target.pidfd);
		return smudge_error_set(err, -EINVAL, "rate", "%d %s", (int)pid,
					why);
	}
	*ret_target = target;
	return 0;
}

void rate_target_close(struct rate_target *target)
{
	close(target->pidfd);
}

bool rate_target_has_ended(const struct rate_target *target)
{
	struct pollfd wait = {.fd = target->pidfd, .events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

/* 0 if there is no such process. */
static pid_t parent_of(pid_t pid)
{
	struct process_stat stat;

	return process_read_stat(pid, &stat) ? 0 : stat.parent;
}

struct family {
	struct {
		pid_t pid, parent;
		bool is_in;
	} * list;
	size_t n, room;
};

static int add(struct family *family, pid_t pid)
{
	size_t room = family->room ? 2 * family->room : 256;

	if (family->n == family->room) {
		void *list =
			realloc(family->list, room * sizeof(*family->list));

		if (!list)
			return -ENOMEM;
		family->list = list;
		family->room = room;
	}
	family->list[family->n].pid = pid;
	family->list[family->n].parent = parent_of(pid);
	family->list[family->n++].is_in = false;
	return 0;
}

static int read_all(struct family *family)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	uint64_t pid;
	int ret = 0;

	if (!folder)
		return -errno;
	while (!ret && (entry = readdir(folder))) {
		if (number_parse(entry->d_name, MAX_PID, &pid))
			ret = add(family, (pid_t)pid);
	}
	closedir(folder);
	return ret;
}

static bool is_known(const struct family *family, pid_t pid)
{
	for (size_t i = 0; i < family->n; i++) {
		if (family->list[i].pid == pid)
			return family->list[i].is_in;
	}
	return false;
}

/* Children, then theirs, until there are no more. Return: how many. */
static int mark(struct family *family, pid_t ancestor)
{
	int total = 0;
	int found;

	do {
		found = 0;
		for (size_t i = 0; i < family->n; i++) {
			pid_t parent = family->list[i].parent;

			if (family->list[i].is_in ||
			    (parent != ancestor && !is_known(family, parent)))
				continue;
			family->list[i].is_in = true;
			found++;
		}
		total += found;
	} while (found);
	return total;
}

int rate_target_children(pid_t pid, pid_t **ret_pids)
{
	struct family family = {0};
	int ret = read_all(&family);
	pid_t *pids = NULL;
	int n = 0;

	if (!ret) {
		ret = mark(&family, pid);
		pids = calloc((size_t)ret + 1, sizeof(*pids));
	}
	for (size_t i = 0; pids && i < family.n; i++) {
		if (family.list[i].is_in)
			pids[n++] = family.list[i].pid;
	}
	free(family.list);
	if (ret >= 0 && !pids)
		return -ENOMEM;
	if (ret >= 0)
		*ret_pids = pids;
	return ret;
}
