/* SPDX-License-Identifier: MIT */
/*
 * This process becomes the QEMU that continues.
 */
#include "restore/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "common/streams.h"
#include "qmp_client.h"
#include "restore/disks.h"
#include "restore/incoming.h"

#define NAME "restore"

static int failed(struct smudge_error *err, int code, const char *what)
{
	return smudge_error_set(err, -code, NAME, "%s: %s", what,
				strerror(code));
}

/* Is the program in one of the folders of PATH? */
static bool is_in_path(const char *program)
{
	const char *folders = getenv("PATH");
	char path[PATH_MAX];
	bool is_found = false;

	while (folders && *folders && !is_found) {
		size_t length = strcspn(folders, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)length, folders,
			 program);
		is_found = access(path, X_OK) == 0;
		folders += length;
		folders += *folders == ':';
	}
	return is_found;
}

int restore_run_check(const struct restore_plan *plan, struct smudge_error *err)
{
	const char *program = plan->words.words[0];
	const char *forbidden = restore_plan_forbidden(plan);
	int cwd_fd = AT_FDCWD, ret = 0;

	if (forbidden)
		return smudge_error_set(err, -EINVAL, NAME, "%s", forbidden);
	if (plan->cwd)
		cwd_fd = open(plan->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (plan->cwd && cwd_fd < 0)
		return smudge_error_set(err, -errno, NAME,
					"the machine was started in %.100s, "
					"where its files are looked for: %s",
					plan->cwd, strerror(errno));
	if (strchr(program, '/') ? faccessat(cwd_fd, program, X_OK, 0) != 0
				 : !is_in_path(program))
		ret = smudge_error_set(err, -ENOENT, NAME,
				       "the machine's program, %.100s, cannot "
				       "be run here; give a command line with "
				       "another one after --",
				       program);
	if (cwd_fd >= 0)
		close(cwd_fd);
	return ret;
}

struct helper {
	int pidfd; /* of the process that becomes QEMU */
	int fd;	   /* the monitor's other end */
	int state_fd;
	bool was_running;
	const char *file_name; /* of the layer */
};

/* Ctrl-C is for QEMU; when that ends, the monitor's end is closed. */
static int help(const struct helper *helper)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qmp_client *client = NULL;
	int ret;

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* a QEMU may wait for other clients of its sockets first */
	ret = qmp_client_open_fd(helper->fd, QMP_CLIENT_NO_TIMEOUT, &client,
				 &err);
	/* the program could not be run, which it has said */
	if (ret == -EPROTO)
		return EXIT_FAILURE;
	if (!ret)
		ret = incoming_load(client, helper->state_fd,
				    helper->was_running, &err);
	if (ret == -ECONNRESET || ret == -EPIPE)
		fprintf(stderr, "smudge: QEMU ended before the guest "
				"continued\n");
	else if (ret) {
		fprintf(stderr, "smudge: %s\n", err.message);
		syscall(SYS_pidfd_send_signal, helper->pidfd, SIGKILL, NULL, 0);
	} else {
		fprintf(stderr, "smudge: the guest %s, as of %s\n",
			helper->was_running ? "continues" : "is paused",
			helper->file_name);
	}
	qmp_client_close(client);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A child's child, which QEMU need not wait for. */
static int start(const struct helper *helper, int other_end,
		 struct smudge_error *err)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return failed(err, errno, "cannot start a process");
	if (!pid) {
		pid_t child = fork();

		if (child)
			_exit(child < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
		close(other_end);
		_exit(help(helper));
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? failed(err, EAGAIN, "cannot start a process") : 0;
}

static int start_helper(const struct restore_plan *plan, int ends[2],
			struct smudge_error *err)
{
	struct helper helper = {
		.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0),
		.fd = ends[0],
		.state_fd = open(plan->state_path, O_RDONLY | O_CLOEXEC),
		.was_running = plan->machine.was_running,
		.file_name = plan->info.file_name,
	};
	int ret = 0;

	if (helper.state_fd < 0)
		ret = failed(err, errno, "cannot open the device state");
	else if (helper.pidfd < 0)
		ret = failed(err, errno, "cannot open this process");
	else
		ret = start(&helper, ends[1], err);
	if (helper.state_fd >= 0)
		close(helper.state_fd);
	if (helper.pidfd >= 0)
		close(helper.pidfd);
	return ret;
}

/* The monitor's end stays open, and what this program has changed is undone. */
static int become(struct restore_plan *plan, int fd, struct smudge_error *err)
{
	char *const *words;

	qemu_arguments_add_monitor(&plan->words, fd);
	if (plan->words.is_out_of_memory)
		return failed(err, ENOMEM, "cannot make a command line");
	if (plan->cwd && chdir(plan->cwd) < 0)
		return failed(err, errno, plan->cwd);
	if (fcntl(fd, F_SETFD, 0) < 0)
		return failed(err, errno, "cannot keep a socket");
	if (interrupted())
		return failed(err, EINTR, "before the guest continued");
	words = plan->words.words;
	streams_flush();
	streams_leave();
	execvp(words[0], words);
	return smudge_error_set(err, -errno, NAME, "cannot run %.120s: %s",
				words[0], strerror(errno));
}

int restore_run(struct restore_plan *plan, struct smudge_error *err)
{
	int ends[2];
	int ret;

	ret = restore_disks_run(plan->disks, err);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return failed(err, errno, "cannot make a socket");
	ret = start_helper(plan, ends, err);
	close(ends[0]);
	if (!ret)
		ret = become(plan, ends[1], err);
	/* no greeting: this is no QEMU */
	(void)send(ends[1], "{}\n", 3, MSG_NOSIGNAL);
	close(ends[1]);
	return ret;
}
