/* SPDX-License-Identifier: MIT */
/*
 * What a QEMU's process says of itself in /proc.
 */
#include "qemu/peer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "common/process.h"
#include "qemu/machine.h"

#define NAME	       "qemu"
#define MAX_LINE_BYTES ((size_t)4 << 20)
#define TYPE_NAME_END  "-machine"

static int read_arguments(pid_t pid, struct qemu_machine *machine)
{
	char path[64];
	char *argument = NULL;
	size_t size = 0, total = 0;
	ssize_t length;
	FILE *file;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!ret && (length = getdelim(&argument, &size, 0, file)) > 0) {
		total += (size_t)length;
		ret = total > MAX_LINE_BYTES
			      ? -E2BIG
			      : qemu_machine_add_argument(machine, argument);
	}
	free(argument);
	fclose(file);
	return ret;
}

static int read_link(pid_t pid, const char *name, char **ret_target)
{
	char path[64], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	*ret_target = strdup(target);
	return *ret_target ? 0 : -ENOMEM;
}

/* When it began, in the kernel's ticks since the boot. */
static int read_start(pid_t pid, uint64_t *ret_ticks)
{
	struct process_stat stat;
	int ret = process_read_stat(pid, &stat);

	if (!ret)
		*ret_ticks = stat.start_time_ticks;
	return ret;
}

/* "pc-q35-7.2" of "pc-q35-7.2-machine". */
static char *machine_type(struct qemu_peer *peer)
{
	char *type = qemu_peer_property(peer, "/machine", "type");
	char *end = type ? strrchr(type, '-') : NULL;

	if (end && strcmp(end, TYPE_NAME_END) == 0)
		*end = '\0';
	return type;
}

int qemu_peer_describe(struct qemu_peer *peer, struct qemu_machine *machine,
		       struct smudge_error *err)
{
	int ret = read_arguments(peer->pid, machine);

	if (!ret)
		ret = read_link(peer->pid, "cwd", &machine->cwd);
	if (!ret)
		ret = read_link(peer->pid, "exe", &machine->exe);
	if (!ret)
		ret = read_start(peer->pid, &machine->start_ticks);
	machine->pid = peer->pid;
	machine->type = machine_type(peer);
	machine->version = strdup(peer->version);
	if (!ret && !machine->version)
		ret = -ENOMEM;
	if (ret == -EACCES || ret == -EPERM)
		return smudge_error_set(err, ret, NAME,
					"process %d is another user's: run "
					"this as that user, or as root",
					(int)peer->pid);
	if (ret)
		return smudge_error_set(
			err, ret, NAME,
			"what process %d was started with cannot be read: %s",
			(int)peer->pid, strerror(-ret));
	return 0;
}
