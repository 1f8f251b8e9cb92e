/* SPDX-License-Identifier: MIT */
/*
 * nbdkit writes its file of the pid when it listens.
 */
#include "support.h"

#include "nbd_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORDS 24
#define PID_FILE  "server.pid"

static void skip_without_libnbd(void)
{
	const struct nbd_disk_options options = {
		.end_fd = -1,
		.uri = "nbd+unix:///?socket=no-such-server.sock",
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *disk;

	assert_int_not_equal(nbd_disk_open(&options, &disk, &err), 0);
	if (err.code == -EOPNOTSUPP)
		test_skip_without("nbd", err.message);
}

/* In the child. */
static void run_nbdkit(const char *arguments)
{
	char text[512];
	char *words[MAX_WORDS] = {"nbdkit",	 "-f", "-U",
				  "server.sock", "-P", PID_FILE};
	int n = 6;

	snprintf(text, sizeof(text), "%s", arguments);
	for (char *word = strtok(text, " "); word && n < MAX_WORDS - 1;
	     word = strtok(NULL, " "))
		words[n++] = word;
	/* also one that is stopped: --exit-with-parent is SIGTERM */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(words[0], words);
	_exit(127);
}

static bool has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

pid_t nbd_server_start(const char *arguments)
{
	pid_t pid;

	skip_without_libnbd();
	unlink("server.sock");
	unlink(PID_FILE);
	pid = fork();
	if (pid == 0)
		run_nbdkit(arguments);
	assert_true(pid > 0);
	while (access(PID_FILE, F_OK)) {
		if (has_ended(pid))
			test_skip_without("nbd", "there is no nbdkit that "
						 "does this");
		usleep(2000);
	}
	return pid;
}

void nbd_server_kill(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

void nbd_server_stop(pid_t pid)
{
	int status = 0;

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
}

struct nbd_disk *nbd_server_open(uint64_t timeout_ns)
{
	const struct nbd_disk_options options = {
		.end_fd = -1,
		.uri = NBD_SERVER_URI,
		.timeout_ns = timeout_ns,
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct nbd_disk *disk = NULL;
	int ret;

	do {
		smudge_error_clear(&err);
		ret = nbd_disk_open(&options, &disk, &err);
	} while (ret == -ETIMEDOUT);
	if (ret)
		fail_msg("%s", err.message);
	return disk;
}
