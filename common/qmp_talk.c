/* SPDX-License-Identifier: MIT */
/*
 * One message per line, which every QMP server writes. Events are dropped.
 */
#include "common/qmp_talk.h"

#include <smudge/error.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/range.h"
#include "common/wait.h"

#define NAME	       "qmp"
#define MAX_LINE_BYTES ((size_t)16 << 20)
#define PIECE_BYTES    ((size_t)64 << 10)

struct qmp_talk {
	int fd;
	int end_fd;
	int64_t deadline_ns; /* INT64_MAX: none */
	char *bytes;	     /* read, and in no line yet */
	size_t nbytes;
	size_t room_bytes;
};

static int64_t left_ms(const struct qmp_talk *talk)
{
	int64_t left_ns = talk->deadline_ns - clock_now_ns();

	if (talk->deadline_ns == INT64_MAX)
		return WAIT_FOR_EVER;
	return left_ns < 0 ? 0 : left_ns / CLOCK_NS_PER_MS + 1;
}

static int wait_for(const struct qmp_talk *talk, short events)
{
	return wait_ready(talk->fd, events, talk->end_fd, left_ms(talk));
}

static int send_all(const struct qmp_talk *talk, const char *text,
		    size_t length)
{
	while (length) {
		ssize_t n = send(talk->fd, text, length, MSG_NOSIGNAL);
		int ret = 0;

		if (n < 0 && errno == EAGAIN)
			ret = wait_for(talk, POLLOUT);
		else if (n < 0 && errno != EINTR)
			ret = -errno;
		if (ret)
			return ret;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

static int make_room(struct qmp_talk *talk)
{
	size_t room_bytes = talk->nbytes + PIECE_BYTES;
	char *bytes;

	if (talk->room_bytes >= room_bytes)
		return 0;
	if (room_bytes > MAX_LINE_BYTES)
		return -EMSGSIZE;
	bytes = realloc(talk->bytes, 2 * room_bytes);
	if (!bytes)
		return -ENOMEM;
	talk->bytes = bytes;
	talk->room_bytes = 2 * room_bytes;
	return 0;
}

static int read_more(struct qmp_talk *talk)
{
	int ret = make_room(talk);
	ssize_t n;

	if (!ret)
		ret = wait_for(talk, POLLIN);
	if (ret)
		return ret;
	n = recv(talk->fd, talk->bytes + talk->nbytes,
		 talk->room_bytes - talk->nbytes, 0);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	talk->nbytes += (size_t)n;
	return n ? 0 : -ECONNRESET;
}

static int read_message(struct qmp_talk *talk, json_t **ret)
{
	size_t length;
	char *newline = NULL;
	int code = 0;

	for (;;) {
		if (talk->nbytes)
			newline = memchr(talk->bytes, '\n', talk->nbytes);
		if (newline)
			break;
		code = read_more(talk);
		if (code)
			return code;
	}
	length = (size_t)(newline - talk->bytes) + 1;
	*ret = json_loadb(talk->bytes, length, 0, NULL);
	talk->nbytes -= length;
	memmove(talk->bytes, newline + 1, talk->nbytes);
	return *ret ? 0 : -EPROTO;
}

static int read_reply(struct qmp_talk *talk, json_t **ret)
{
	int code;

	for (;;) {
		code = read_message(talk, ret);
		if (code || !json_object_get(*ret, "event"))
			return code;
		json_decref(*ret);
	}
}

/* @reply is stolen. */
static int open_reply(json_t *reply, json_t **ret_value,
		      struct smudge_error *err)
{
	json_t *value = json_object_get(reply, "return");
	const char *why = json_string_value(
		json_object_get(json_object_get(reply, "error"), "desc"));
	int ret = 0;

	if (!value)
		ret = smudge_error_set(err, -EREMOTEIO, NAME, "%s",
				       why ? why : "the reply is not QMP");
	else if (ret_value)
		*ret_value = json_incref(value);
	json_decref(reply);
	return ret;
}

/* @arguments are stolen. */
static char *format(const char *command, json_t *arguments)
{
	json_t *message = json_pack("{s:s}", "execute", command);
	char *text = NULL;
	int ret = message ? 0 : -1;

	if (!ret && arguments)
		ret = json_object_set(message, "arguments", arguments);
	json_decref(arguments);
	if (!ret)
		text = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	return text;
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
	char *text = format(command, arguments);
	json_t *reply = NULL;
	int ret = text ? send_all(talk, text, strlen(text)) : -ENOMEM;

	free(text);
	if (!ret)
		ret = read_reply(talk, &reply);
	if (ret)
		return smudge_error_set(err, ret, NAME,
					"no reply to '%.60s': %s", command,
					reason(ret));
	return open_reply(reply, ret_value, err);
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
	talk->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (talk->fd >= 0 &&
	    connect(talk->fd, (const struct sockaddr *)&address,
		    sizeof(address)) == 0)
		return 0;
	ret = -errno;
	return smudge_error_set(err, ret, NAME, "cannot connect to %.100s: %s",
				path, strerror(-ret));
}

static int negotiate(struct qmp_talk *talk, const char *path,
		     struct smudge_error *err)
{
	json_t *greeting = NULL;
	int ret = read_message(talk, &greeting);

	if (!ret && !json_object_get(greeting, "QMP"))
		ret = -EPROTO;
	json_decref(greeting);
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
	talk->fd = -1;
	talk->end_fd = end_fd;
	talk->deadline_ns =
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
	if (talk->fd >= 0)
		close(talk->fd);
	free(talk->bytes);
	free(talk);
}
