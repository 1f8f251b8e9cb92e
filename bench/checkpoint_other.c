/* SPDX-License-Identifier: MIT */
/*
 * What is compared with: other programs, and a plain write.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_program.h"
#include "checkpoint.h"

extern char **environ;

double checkpoint_run(const char *const *command)
{
	posix_spawn_file_actions_t actions;
	double begin_ms = checkpoint_now_ms();
	int status, ret;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
					 O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	ret = posix_spawnp(&pid, command[0], &actions, NULL,
			   (char *const *)command, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (ret)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? checkpoint_now_ms() - begin_ms : -1;
}

double checkpoint_write_file(const char *path, const void *bytes,
			     uint64_t nbytes)
{
	double begin_ms = checkpoint_now_ms();
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	bench_must(fd < 0 ? -errno : 0, path);
	for (uint64_t done = 0; done < nbytes;) {
		uint64_t rest = nbytes - done;
		ssize_t n = write(fd, (const char *)bytes + done,
				  rest < 1 << 20 ? rest : 1 << 20);

		bench_must(n < 0 && errno != EINTR ? -errno : 0, path);
		done += n > 0 ? (uint64_t)n : 0;
	}
	bench_must(fsync(fd) < 0 ? -errno : 0, path);
	close(fd);
	return checkpoint_now_ms() - begin_ms;
}
