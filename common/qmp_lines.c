/* SPDX-License-Identifier: MIT */
/*
 * Messages and bytes.
 */
#include "common/qmp_lines.h"

#include <smudge/error.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/range.h"
#include "common/wait.h"

#define PIECE_BYTES ((size_t)64 << 10)

void qmp_lines_begin(struct qmp_lines *lines, int fd, size_t max_bytes)
{
	*lines = (struct qmp_lines){.fd = fd, .max_bytes = max_bytes};
}

void qmp_lines_end(struct qmp_lines *lines)
{
	if (lines->fd >= 0)
		close(lines->fd);
	free(lines->bytes);
	qmp_lines_begin(lines, -1, 0);
}

static int wait_for(const struct qmp_lines *lines, short events,
		    struct qmp_patience patience)
{
	int64_t left_ms = WAIT_FOR_EVER;
	int64_t left_ns;

	if (patience.deadline_ns != INT64_MAX) {
		left_ns = patience.deadline_ns - clock_now_ns();
		left_ms = left_ns < 0 ? 0 : left_ns / CLOCK_NS_PER_MS + 1;
	}
	return wait_ready(lines->fd, events, patience.end_fd, left_ms);
}

/* @fd goes with the first byte; -1: none. */
static ssize_t send_some(const struct qmp_lines *lines, const char *text,
			 size_t length, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {
			     .cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS,
		     }};
	struct iovec bytes = {.iov_base = (char *)text, .iov_len = length};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(lines->fd, &message, MSG_NOSIGNAL);
}

static int send_all(const struct qmp_lines *lines, const char *text,
		    size_t length, int fd, struct qmp_patience patience)
{
	while (length) {
		ssize_t n = send_some(lines, text, length, fd);
		int ret = 0;

		if (n < 0 && errno == EAGAIN)
			ret = wait_for(lines, POLLOUT, patience);
		else if (n < 0 && errno != EINTR)
			ret = -errno;
		if (ret)
			return ret;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
			fd = -1;
		}
	}
	return 0;
}

/*
 * The size is computed first: if json_dumps cannot enlarge its buffer, it
 * leaves out an object's key and continues (jansson 2.14).
 */
static char *dump(const json_t *message, size_t *ret_length)
{
	size_t size = json_dumpb(message, NULL, 0, JSON_COMPACT);
	char *text = size ? malloc(size) : NULL;

	if (text && json_dumpb(message, text, size, JSON_COMPACT) != size) {
		free(text);
		return NULL;
	}
	*ret_length = size;
	return text;
}

int qmp_lines_command(struct qmp_lines *lines, const char *command,
		      json_t *arguments, int fd, struct qmp_patience patience)
{
	json_t *message = json_pack("{s:s}", "execute", command);
	size_t length = 0;
	char *text;
	int ret = 0;

	if (arguments)
		ret = json_object_set_new(message, "arguments", arguments);
	text = ret == 0 ? dump(message, &length) : NULL;
	json_decref(message);
	if (!text)
		return -ENOMEM;
	ret = send_all(lines, text, length, fd, patience);
	free(text);
	return ret;
}

/* Room for a piece more, as far as a message may go. */
static int make_room(struct qmp_lines *lines)
{
	size_t room_bytes = lines->nbytes + PIECE_BYTES;
	char *bytes;

	if (lines->nbytes >= lines->max_bytes)
		return -EMSGSIZE;
	if (room_bytes <= lines->room_bytes ||
	    lines->room_bytes == lines->max_bytes)
		return 0;
	room_bytes = min_u64(2 * room_bytes, lines->max_bytes);
	bytes = realloc(lines->bytes, room_bytes);
	if (!bytes)
		return -ENOMEM;
	lines->bytes = bytes;
	lines->room_bytes = room_bytes;
	return 0;
}

/* Read more bytes, behind those that were read before. */
static int read_more(struct qmp_lines *lines, struct qmp_patience patience)
{
	int ret = make_room(lines);
	ssize_t n;

	if (!ret)
		ret = wait_for(lines, POLLIN, patience);
	if (ret)
		return ret;
	n = recv(lines->fd, lines->bytes + lines->nbytes,
		 lines->room_bytes - lines->nbytes, 0);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	lines->nbytes += (size_t)n;
	return n ? 0 : -ECONNRESET;
}

int qmp_lines_read(struct qmp_lines *lines, struct qmp_patience patience,
		   json_t **ret_message)
{
	const char *newline = NULL;
	size_t length;
	int ret;

	for (;;) {
		if (lines->nbytes)
			newline = memchr(lines->bytes, '\n', lines->nbytes);
		if (newline)
			break;
		ret = read_more(lines, patience);
		if (ret)
			return ret;
	}
	length = (size_t)(newline - lines->bytes) + 1;
	*ret_message = json_loadb(lines->bytes, length, 0, NULL);
	lines->nbytes -= length;
	memmove(lines->bytes, newline + 1, lines->nbytes);
	return *ret_message ? 0 : -EPROTO;
}

int qmp_lines_greet(struct qmp_lines *lines, struct qmp_patience patience)
{
	json_t *greeting = NULL;
	int ret = qmp_lines_read(lines, patience, &greeting);

	if (!ret && !json_object_get(greeting, "QMP"))
		ret = -EPROTO;
	json_decref(greeting);
	return ret;
}

int qmp_open_reply(json_t *reply, json_t **ret_value, struct smudge_error *err)
{
	json_t *value = json_object_get(reply, "return");
	const char *why = json_string_value(
		json_object_get(json_object_get(reply, "error"), "desc"));
	int ret = 0;

	if (!value)
		ret = smudge_error_set(err, -EREMOTEIO, "qmp", "%s",
				       why ? why : "the reply is not QMP");
	else if (ret_value)
		*ret_value = json_incref(value);
	json_decref(reply);
	return ret;
}
