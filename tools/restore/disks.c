/* SPDX-License-Identifier: MIT */
/*
 * The disks of a checkpoint: qemu-img brings them back. It refuses an image
 * that a machine still has open.
 */
#include "restore/disks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <smudge/error.h>

#include "common/streams.h"
#include "layers/layers.h"
#include "qemu/shell.h"

#define NAME	   "restore"
#define MAX_WORDS  12
#define NAME_BYTES 96

static json_t *command(const char *flag, const char *snapshot, const char *file)
{
	return json_pack("[s, s, s, o, s, o]", "qemu-img", "snapshot", flag,
			 layers_text_json(snapshot), "--",
			 layers_text_json(file));
}

/* "20261127T074501.123456" */
void restore_disks_time(char text[RESTORE_TIME_BYTES])
{
	struct timespec now;
	struct tm utc;
	size_t length = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc))
		length = strftime(text, RESTORE_TIME_BYTES, "%Y%m%dT%H%M%S",
				  &utc);
	snprintf(text + length, RESTORE_TIME_BYTES - length, ".%06ld",
		 now.tv_nsec / 1000);
}

/* With the overlays of the checkpoints: what QEMU writes there stays. */
char *restore_disks_overlay(const struct qemu_disk *disk, const char *base,
			    const char *when, size_t index)
{
	const char *beside = disk->snapshot && disk->snapshot[0] == '/'
				     ? disk->snapshot
				     : base;
	const char *slash = strrchr(beside, '/');
	char *path = NULL;

	return asprintf(&path, "%.*ssmudge-restored-%s-%zu.qcow2",
			slash ? (int)(slash + 1 - beside) : 0, beside, when,
			index) < 0
		       ? NULL
		       : path;
}

static void add_within(json_t *array, const struct qemu_disk *disk,
		       const char *when)
{
	char now[NAME_BYTES];

	snprintf(now, sizeof(now), "smudge-before-%s", when);
	json_array_append_new(array, command("-c", now, disk->file));
	json_array_append_new(array, command("-a", disk->snapshot, disk->file));
}

static void add_overlay(json_t *array, const struct qemu_disk *disk,
			const char *path)
{
	json_array_append_new(
		array,
		json_pack("[s, s, s, s, s, s, o, s, o, s, o]", "qemu-img",
			  "create", "-q", "-f", "qcow2", "-F",
			  layers_text_json(disk->format ? disk->format : "raw"),
			  "-b", layers_text_json(disk->file), "--",
			  layers_text_json(path)));
}

json_t *restore_disks_commands(const struct qemu_machine *machine,
			       const char *base, const char *when)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < machine->ndisks; i++) {
		const struct qemu_disk *disk = &machine->disks[i];
		char *path = restore_disks_overlay(disk, base, when, i);

		if (path && disk->file && qemu_disk_is_overlay(disk))
			add_overlay(array, disk, path);
		else if (disk->file && disk->snapshot)
			add_within(array, disk, when);
		free(path);
	}
	return array;
}

static void become(const json_t *words)
{
	char *argv[MAX_WORDS + 1] = {NULL};
	const json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
	{
		if (i < MAX_WORDS)
			argv[i] = (char *)json_string_value(word);
	}
	dup2(STDERR_FILENO, STDOUT_FILENO);
	streams_leave();
	execvp(argv[0], argv);
	_exit(127);
}

/* The user's disks change: which, and how, is on the screen. */
static void say(const json_t *words)
{
	const json_t *word;
	size_t i;

	fputs("smudge:", stderr);
	json_array_foreach(words, i, word)
	{
		fputc(' ', stderr);
		shell_put(stderr, json_string_value(word));
	}
	fputc('\n', stderr);
}

static int run_one(const json_t *words, struct smudge_error *err)
{
	const char *file = json_string_value(
		json_array_get(words, json_array_size(words) - 1));
	pid_t pid;
	int status = 0;

	say(words);
	pid = fork();
	if (pid < 0)
		return smudge_error_set(err, -errno, NAME,
					"cannot start a process: %s",
					strerror(errno));
	if (!pid)
		become(words);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return smudge_error_set(err, -EIO, NAME,
				"the disk %.100s cannot be brought back to the "
				"checkpoint: qemu-img %s",
				file,
				WIFEXITED(status) && WEXITSTATUS(status) == 127
					? "cannot be run"
					: "failed");
}

int restore_disks_run(const json_t *commands, struct smudge_error *err)
{
	const json_t *words;
	size_t i;
	int ret = 0;

	json_array_foreach(commands, i, words)
	{
		if (!ret)
			ret = run_one(words, err);
	}
	return ret;
}
