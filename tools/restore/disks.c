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

#define NAME	   "restore"
#define MAX_WORDS  12
#define NAME_BYTES 64

static json_t *command(const char *flag, const char *snapshot, const char *file)
{
	return json_pack("[s, s, s, o, s, o]", "qemu-img", "snapshot", flag,
			 layers_text_json(snapshot), "--",
			 layers_text_json(file));
}

/* "smudge-before-20261127T074501" */
static void name_now(char name[NAME_BYTES])
{
	time_t now = time(NULL);
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&now, &utc))
		strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &utc);
	snprintf(name, NAME_BYTES, "smudge-before-%s", text);
}

char *restore_disks_overlay(const char *base, size_t index)
{
	char *path = NULL;

	return asprintf(&path, "%s.disk%zu.qcow2", base, index) < 0 ? NULL
								    : path;
}

static void add_within(json_t *array, const struct qemu_disk *disk)
{
	char now[NAME_BYTES];

	name_now(now);
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
			       const char *base)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < machine->ndisks; i++) {
		const struct qemu_disk *disk = &machine->disks[i];
		char *path = restore_disks_overlay(base, i);

		if (path && disk->file && qemu_disk_is_overlay(disk))
			add_overlay(array, disk, path);
		else if (disk->file && disk->snapshot)
			add_within(array, disk);
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

static int run_one(const json_t *words, struct smudge_error *err)
{
	const char *file = json_string_value(
		json_array_get(words, json_array_size(words) - 1));
	pid_t pid = fork();
	int status = 0;

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
				"the disk %.200s cannot be brought back to the "
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
