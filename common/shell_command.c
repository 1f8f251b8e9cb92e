/* SPDX-License-Identifier: MIT */
/*
 * The group is killed before its first process is reaped, so that its number
 * is no other group's.
 */
#include "common/shell_command.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/range.h"
#include "common/wait.h"

extern char **environ;

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

/* Is it the same variable? Both are "NAME=VALUE". */
static bool is_same(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return strncmp(a, b, length + 1) == 0;
}

static bool is_replaced(const char *variable, const char *const *by)
{
	for (size_t i = 0; by[i]; i++)
		if (is_same(by[i], variable))
			return true;
	return false;
}

/* Only the list is the caller's to free. NULL: out of memory. */
static char **make_environment(const char *const *own)
{
	size_t nmax = count(environ) + count((char *const *)own) + 1;
	char **list = calloc(nmax, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; environ[i]; i++)
		if (!is_replaced(environ[i], own))
			list[n++] = environ[i];
	for (size_t i = 0; own[i]; i++)
		list[n++] = (char *)own[i];
	return list;
}

/* What this program blocks and ignores is not for it. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, usual;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &usual);
	posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
				    POSIX_SPAWN_SETSIGDEF);
}

static int set_streams(posix_spawn_file_actions_t *actions)
{
	int ret = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
						   "/dev/null", O_RDONLY, 0);

	return ret ? ret
		   : posix_spawn_file_actions_adddup2(actions, STDERR_FILENO,
						      STDOUT_FILENO);
}

static int spawn(const char *text, char **environment, pid_t *ret_pid)
{
	char *words[] = {"sh", "-c", (char *)text, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int ret;

	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&actions);
	ret = set_attributes(&attributes);
	if (!ret)
		ret = set_streams(&actions);
	if (!ret)
		ret = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes,
				  words, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -ret;
}

static int start(const struct shell_command *command, pid_t *ret_pid)
{
	char **environment = make_environment(command->environment);
	int ret = environment ? spawn(command->text, environment, ret_pid)
			      : -ENOMEM;

	free(environment);
	return ret;
}

static int reap(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Return: 0 (it has ended), -ETIMEDOUT, -ECANCELED, or another -errno. */
static int wait_for_end(const struct shell_command *command, pid_t pid)
{
	int64_t timeout_ms = (int64_t)min_u64(
		command->timeout_ns / CLOCK_NS_PER_MS, INT64_MAX / 2);
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	int ret;

	if (fd < 0)
		return -errno;
	ret = wait_ready(fd, POLLIN, command->end_fd,
			 command->timeout_ns ? timeout_ms : WAIT_FOR_EVER);
	close(fd);
	return ret;
}

static int say_status(const struct shell_command *command, int status,
		      struct smudge_error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return smudge_error_set(
			err, -EIO, "command", "%s ended with status %d: %.100s",
			command->name, WEXITSTATUS(status), command->text);
	return smudge_error_set(err, -EIO, "command",
				"%s was ended by signal %d: %.100s",
				command->name, WTERMSIG(status), command->text);
}

static int say_killed(const struct shell_command *command, int code,
		      struct smudge_error *err)
{
	if (code == -ETIMEDOUT)
		return smudge_error_set(
			err, code, "command",
			"%s did not end within %g s, and was killed: %.80s",
			command->name,
			(double)command->timeout_ns / CLOCK_NS_PER_S,
			command->text);
	if (code == -ECANCELED)
		return smudge_error_set(err, code, "command",
					"%s was cancelled: %.100s",
					command->name, command->text);
	return smudge_error_set(err, code, "command",
				"%s cannot be waited for: %s", command->name,
				strerror(-code));
}

int shell_command_run(const struct shell_command *command,
		      struct smudge_error *err)
{
	int status = 0;
	pid_t pid = 0;
	int ret = start(command, &pid);

	if (ret)
		return smudge_error_set(err, ret, "command",
					"%s cannot be started: %s",
					command->name, strerror(-ret));
	ret = wait_for_end(command, pid);
	if (ret)
		kill(-pid, SIGKILL);
	if (reap(pid, &status) && !ret)
		ret = -ECHILD;
	return ret ? say_killed(command, ret, err)
		   : say_status(command, status, err);
}
