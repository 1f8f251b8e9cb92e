/* SPDX-License-Identifier: MIT */
/*
 * Events are dropped.
 */
#include "common/qmp_talk.h"

#include <smudge/error.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/clock.h"
#include "common/qmp_lines.h"
#include "common/range.h"

#define NAME	       "qmp"
#define MAX_LINE_BYTES ((size_t)16 << 20)

struct qmp_talk {
	struct qmp_lines lines;
	struct qmp_patience patience;
};

static int read_reply(struct qmp_talk *talk, json_t **ret)
{
	int code;

	for (;;) {
		code = qmp_lines_read(&talk->lines, talk->patience, ret);
		if (code || !json_object_get(*ret, "event"))
			return code;
		json_decref(*ret);
	}
}

static const char *reason(int code)
{
	switch (code) {
	case -EPIPE:
	case -ECONNRESET:
		return "the server closed the connection";
	case -ETIMEDOUT:
		return "it did not come in time";
	case -ECANCELED:
		return "it was cancelled";
	default:
		return strerror(-code);
	}
}

int qmp_talk_run(struct qmp_talk *talk, const char *command, json_t *arguments,
		 json_t **ret_value, struct smudge_error *err)
{
	json_t *reply = NULL;
	int ret = qmp_lines_command(&talk->lines, command, arguments, -1,
				    talk->patience);

	if (!ret)
		ret = read_reply(talk, &reply);
	if (ret)
		return smudge_error_set(err, ret, NAME,
					"no reply to '%.60s': %s", command,
					reason(ret));
	return qmp_open_reply(reply, ret_value, err);
}

static int connect_to(struct qmp_talk *talk, const char *path,
		      struct smudge_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return smudge_error_set(err, -ENAMETOOLONG, NAME,
					"a socket's path has at most %zu "
					"bytes, and %.60s... has more",
					sizeof(address.sun_path) - 1, path);
	strcpy(address.sun_path, path);
	talk->lines.fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (talk->lines.fd >= 0 &&
	    connect(talk->lines.fd, (const struct sockaddr *)&address,
		    sizeof(address)) == 0)
		return 0;
	ret = -errno;
	return smudge_error_set(err, ret, NAME, "cannot connect to %.100s: %s",
				path, strerror(-ret));
}

static int negotiate(struct qmp_talk *talk, const char *path,
		     struct smudge_error *err)
{
	int ret = qmp_lines_greet(&talk->lines, talk->patience);

	if (ret == -ETIMEDOUT)
		return smudge_error_set(err, ret, NAME,
					"%.100s gave no greeting in time: is "
					"another client connected to it?",
					path);
	if (ret)
		return smudge_error_set(err, ret, NAME,
					"%.100s does not greet as QMP does: %s",
					path, reason(ret));
	return qmp_talk_run(talk, "qmp_capabilities", NULL, NULL, err);
}

int qmp_talk_open(const char *socket_path, int end_fd, uint64_t timeout_ns,
		  struct qmp_talk **ret, struct smudge_error *err)
{
	struct qmp_talk *talk = calloc(1, sizeof(*talk));
	int code;

	if (!talk)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	qmp_lines_begin(&talk->lines, -1, MAX_LINE_BYTES);
	talk->patience.end_fd = end_fd;
	talk->patience.deadline_ns =
		timeout_ns ? clock_now_ns() +
				     (int64_t)min_u64(timeout_ns, INT64_MAX / 2)
			   : INT64_MAX;
	code = connect_to(talk, socket_path, err);
	if (!code)
		code = negotiate(talk, socket_path, err);
	if (code)
		qmp_talk_close(talk);
	else
		*ret = talk;
	return code;
}

void qmp_talk_close(struct qmp_talk *talk)
{
	if (!talk)
		return;
	qmp_lines_end(&talk->lines);
	free(talk);
}
