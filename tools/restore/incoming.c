/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands for a QEMU that waits for its device state.
 *
 * The state is handed over as a descriptor: a QEMU that may start no program
 * (-sandbox) or open no file (-chroot, -runas) can load it too. It is a pipe's:
 * QEMU 11 takes none of a file.
 */
#include "restore/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "qmp_client.h"

#define NAME	"restore"
#define FD_NAME "smudge-state"
#define POLL_MS 10
#define CHUNK	((size_t)1 << 20)

json_t *incoming_capabilities(bool is_on)
{
	return json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability",
			 "x-ignore-shared", "state", (int)is_on);
}

static int query_status(struct qmp_client *client, char *status, size_t size,
			struct smudge_error *err)
{
	json_t *reply = NULL;
	const char *text;
	int ret = qmp_client_run(client, "query-status", NULL, &reply, err);

	if (ret)
		return ret;
	text = json_string_value(json_object_get(reply, "status"));
	snprintf(status, size, "%s", text ? text : "?");
	json_decref(reply);
	return 0;
}

/* The rest of the file; a reader that is gone ends it. */
static bool feed(int pipe_fd, int state_fd)
{
	ssize_t n;

	do
		n = sendfile(pipe_fd, state_fd, NULL, CHUNK);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0;
}

/* A process writes it, since QEMU may answer only when it has read it. */
static int open_pipe(int state_fd, int *ret_fd, struct smudge_error *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return smudge_error_set(err, -errno, NAME,
					"no pipe could be made: %s",
					strerror(errno));
	pid = fork();
	if (!pid) {
		close(ends[0]);
		_exit(feed(ends[1], state_fd) ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(ends[1]);
	*ret_fd = ends[0];
	if (pid > 0)
		return 0;
	close(ends[0]);
	return smudge_error_set(err, -EAGAIN, NAME, "cannot start a process");
}

static int begin(struct qmp_client *client, int pipe_fd,
		 struct smudge_error *err)
{
	int ret = qmp_client_run(client, "migrate-set-capabilities",
				 incoming_capabilities(true), NULL, err);

	if (!ret)
		ret = qmp_client_run_fd(client, "getfd",
					json_pack("{s:s}", "fdname", FD_NAME),
					pipe_fd, NULL, err);
	if (!ret)
		ret = qmp_client_run(client, "migrate-incoming",
				     json_pack("{s:s}", "uri", "fd:" FD_NAME),
				     NULL, err);
	return ret;
}

/* QEMU ends by itself if it cannot load the state. */
static int wait_loaded(struct qmp_client *client, struct smudge_error *err)
{
	char status[32];
	int ret;

	for (;;) {
		ret = query_status(client, status, sizeof(status), err);
		if (ret || strcmp(status, "inmigrate") != 0)
			return ret;
		clock_sleep_ms(POLL_MS);
	}
}

static int check_running(struct qmp_client *client, struct smudge_error *err)
{
	char status[32];
	int ret = qmp_client_run(client, "cont", NULL, NULL, err);

	if (!ret)
		ret = query_status(client, status, sizeof(status), err);
	if (ret || strcmp(status, "running") == 0)
		return ret;
	return smudge_error_set(err, -EPROTO, NAME,
				"the guest does not run: QEMU says %s", status);
}

static int load(struct qmp_client *client, int state_fd,
		struct smudge_error *err)
{
	int pipe_fd = -1;
	int ret = open_pipe(state_fd, &pipe_fd, err);

	if (ret)
		return ret;
	ret = begin(client, pipe_fd, err);
	close(pipe_fd);
	return ret ? ret : wait_loaded(client, err);
}

int incoming_load(struct qmp_client *client, int state_fd, bool was_running,
		  struct smudge_error *err)
{
	int ret = load(client, state_fd, err);

	/* before it runs: savevm would leave out the memory */
	if (!ret)
		ret = qmp_client_run(client, "migrate-set-capabilities",
				     incoming_capabilities(false), NULL, err);
	return ret || !was_running ? ret : check_running(client, err);
}
