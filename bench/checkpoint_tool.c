/* SPDX-License-Identifier: MIT */
/*
 * Programs, by posix_spawn(3) and a pipe.
 */
#include "checkpoint_tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_program.h"
#include "checkpoint.h"

extern char **environ;

#define ERRORS "smudge.err"

/* This program is BUILD/bench/bench-checkpoint. */
const char *checkpoint_beside(const char *path)
{
	static char whole[2 * PATH_MAX];
	char own[PATH_MAX] = "";
	char *slash;

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		own[0] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(own, '/');
		if (slash)
			*slash = '\0';
	}
	snprintf(whole, sizeof(whole), "%s/%s", own, path);
	return whole;
}

pid_t checkpoint_spawn(const char *const *command, int *ret_out,
		       const char *errors)
{
	posix_spawn_file_actions_t actions;
	int fds[2];
	pid_t pid;
	int ret;

	bench_must(pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0, "a pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
					 checkpoint_path(errors),
					 O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ret = posix_spawnp(&pid, command[0], &actions, NULL,
			   (char *const *)command, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	*ret_out = fds[0];
	if (!ret)
		return pid;
	close(fds[0]);
	return -1;
}

const char *checkpoint_last_line(const char *errors, char *line, size_t size)
{
	FILE *in = fopen(checkpoint_path(errors), "re");

	snprintf(line, size, "it ended");
	while (in && fgets(line, (int)size, in))
		;
	if (in)
		fclose(in);
	line[strcspn(line, "\n\"\\")] = '\0';
	return line;
}

void checkpoint_tool_start(struct checkpoint_tool *tool, const char *option,
			   const char *which, const char *folder,
			   const char *look_ahead)
{
	const char *const command[] = {checkpoint_beside("tools/smudge"),
				       "checkpoint",
				       option,
				       which,
				       "--to",
				       folder,
				       "--every",
				       "1",
				       "--full-every",
				       "1000",
				       "--json",
				       look_ahead,
				       NULL};
	int out;

	checkpoint_remove_folder(folder);
	tool->line[0] = '\0';
	tool->pid = checkpoint_spawn(command, &out, ERRORS);
	bench_must(tool->pid < 0 ? -ENOENT : 0, "smudge");
	tool->out = fdopen(out, "r");
	bench_must(tool->out ? 0 : -ENOMEM, "memory");
}

bool checkpoint_tool_next(struct checkpoint_tool *tool)
{
	do {
		if (bench_interrupted ||
		    !fgets(tool->line, sizeof(tool->line), tool->out))
			return false;
	} while (!strstr(tool->line, "\"layer\""));
	return true;
}

double checkpoint_tool_number(const struct checkpoint_tool *tool,
			      const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(tool->line, key);
	return at ? strtod(at + strlen(key), NULL) : -1;
}

void checkpoint_tool_stop(struct checkpoint_tool *tool, const char *name)
{
	char why[256];
	int status = 0;

	if (waitpid(tool->pid, &status, WNOHANG) != tool->pid) {
		kill(tool->pid, SIGTERM);
		/* what it has to say yet */
		while (fgets(tool->line, sizeof(tool->line), tool->out))
			;
		while (waitpid(tool->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	fclose(tool->out);
	if (status && !bench_interrupted)
		checkpoint_skip(name,
				checkpoint_last_line(ERRORS, why, sizeof(why)));
}
