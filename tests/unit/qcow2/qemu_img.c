/* SPDX-License-Identifier: MIT */
/*
 * Run qemu-img and other tools.
 */
#include "qemu_img.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define MAX_ARGUMENTS 30

extern char **environ;

static char folder[64];

int scratch_enter(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/smudge-qcow2-XXXXXX");
	return !mkdtemp(folder) || chdir(folder) < 0;
}

int scratch_leave(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	return chdir("/") < 0 || rmdir(folder) < 0;
}

int scratch_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

void scratch_raw(const char *name, const uint8_t *bytes, uint64_t npages)
{
	int fd = scratch_file(name);

	for (uint64_t done = 0; done < npages * 4096;) {
		ssize_t n = write(fd, bytes + done, npages * 4096 - done);

		assert_true(n > 0);
		done += (uint64_t)n;
	}
	close(fd);
}

static int run(const char *program, const char *const *arguments, int output)
{
	char *argv[MAX_ARGUMENTS + 2] = {(char *)program};
	posix_spawn_file_actions_t actions;
	int status, ret;
	size_t n = 0;
	pid_t pid;

	for (; arguments[n]; n++) {
		assert_true(n < MAX_ARGUMENTS);
		argv[n + 1] = (char *)arguments[n];
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	ret = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (ret)
		return 127;
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

int qemu_img(const char *const *arguments)
{
	return qemu_tool("qemu-img", arguments);
}

int qemu_tool(const char *program, const char *const *arguments)
{
	return run(program, arguments, STDERR_FILENO);
}

bool qemu_img_is_there(void)
{
	static const char *const arguments[] = {"--version", NULL};
	static int status = -1;
	int null;

	if (status < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		status = run("qemu-img", arguments, null);
		close(null);
	}
	return status == 0;
}

void qemu_img_need(void)
{
	if (!qemu_img_is_there())
		test_skip_without("qemu-img", "it is not installed");
}
