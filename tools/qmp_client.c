/* SPDX-License-Identifier: MIT */
/*
 * A QMP client over a UNIX socket. It relies on one message per line, which
 * every QMP server writes.
 */
#include "qmp_client.h"

#include "clock.h"
#include "common/wait.h"
#include "qmp_connect.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_TIMEOUT_MS QMP_TIMEOUT_MS
#define LINE_MAX_BYTES	 ((size_t)1 << 20)

struct qmp_client {
	int fd;
	int64_t reply_timeout_ms;
	bool is_lost; /* a reply did not come, and may come later */
	void (*found)(void *opaque, const json_t *event); /* or NULL */
	void *opaque;
	size_t len;  /* bytes read */
	size_t used; /* of them, bytes of lines that were returned */
	char bytes[LINE_MAX_BYTES];
};

static int wait_for(struct qmp_client *client, short events, int64_t end_ms)
{
	int64_t left_ms = end_ms - clock_now_ms();
	int ret = wait_ready(client->fd, events, interrupt_end_fd(),
			     left_ms < 0 ? 0 : left_ms);

	return ret == -ECANCELED ? -EINTR : ret;
}

/* Why there is no answer, as a user sees it. */
static const char *reason(int ret)
{
	switch (ret) {
	case -EPIPE:
	case -ECONNRESET:
		return "the server closed the connection";
	case -ETIMEDOUT:
		return "none came in time";
	case -ENOTCONN:
		return "an earlier one did not come in time";
	default:
		return strerror(-ret);
	}
}

/* Read more bytes, behind those that were read before. */
static int read_more(struct qmp_client *client, int64_t end_ms)
{
	ssize_t n;
	int ret;

	if (client->len == sizeof(client->bytes))
		return -EMSGSIZE;
	ret = wait_for(client, POLLIN, end_ms);
	if (ret)
		return ret;
	n = recv(client->fd, client->bytes + client->len,
		 sizeof(client->bytes) - client->len, 0);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	client->len += (size_t)n;
	return n ? 0 : -ECONNRESET;
}

static int read_message(struct qmp_client *client, int64_t timeout_ms,
			json_t **ret_message)
{
	int64_t end_ms = clock_now_ms() + timeout_ms;
	char *newline;
	char *line;
	int ret;

	memmove(client->bytes, client->bytes + client->used,
		client->len - client->used);
	client->len -= client->used;
	client->used = 0;
	while (!(newline = memchr(client->bytes, '\n', client->len))) {
		ret = read_more(client, end_ms);
		if (ret)
			return ret;
	}
	line = client->bytes;
	client->used = (size_t)(newline - line) + 1;
	*ret_message = json_loadb(line, client->used, 0, NULL);
	return *ret_message ? 0 : -EPROTO;
}

/* @fd goes with the first byte; -1: none. */
static ssize_t send_some(const struct qmp_client *client, const char *text,
			 size_t len, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {
			     .cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS,
		     }};
	struct iovec bytes = {.iov_base = (char *)text, .iov_len = len};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(client->fd, &message, MSG_NOSIGNAL);
}

static int send_all(struct qmp_client *client, const char *text, size_t len,
		    int fd)
{
	int64_t end_ms = clock_now_ms() + REPLY_TIMEOUT_MS;

	while (len) {
		ssize_t n = send_some(client, text, len, fd);
		int ret = 0;

		if (n < 0 && errno == EAGAIN)
			ret = wait_for(client, POLLOUT, end_ms);
		else if (n < 0 && errno != EINTR)
			ret = -errno;
		if (ret)
			return ret;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
			fd = -1;
		}
	}
	return 0;
}

/*
 * The size is computed first: if json_dumps cannot enlarge its buffer, it
 * leaves out an object's key and continues (jansson 2.14).
 */
static char *dump(const json_t *message, size_t *ret_len)
{
	size_t size = json_dumpb(message, NULL, 0, JSON_COMPACT);
	char *text = size ? malloc(size) : NULL;

	if (text && json_dumpb(message, text, size, JSON_COMPACT) != size) {
		free(text);
		return NULL;
	}
	*ret_len = size;
	return text;
}

static int send_command(struct qmp_client *client, const char *command,
			json_t *arguments, int fd)
{
	json_t *message = json_pack("{s:s}", "execute", command);
	size_t len = 0;
	char *text;
	int ret = 0;

	if (arguments)
		ret = json_object_set_new(message, "arguments", arguments);
	text = ret == 0 ? dump(message, &len) : NULL;
	json_decref(message);
	if (!text)
		return -ENOMEM;
	ret = send_all(client, text, len, fd);
	free(text);
	return ret;
}

/* Is it an event? Then it is reported, and released. */
static bool take_event(const struct qmp_client *client, json_t *message)
{
	if (!json_object_get(message, "event"))
		return false;
	if (client->found)
		client->found(client->opaque, message);
	json_decref(message);
	return true;
}

/* Read the next message that is no event. */
static int read_reply(struct qmp_client *client, json_t **ret_message)
{
	json_t *message;
	int ret;

	do {
		ret = read_message(client, client->reply_timeout_ms, &message);
		if (ret)
			return ret;
	} while (take_event(client, message));
	*ret_message = message;
	return 0;
}

/* The value in a reply; @reply is stolen. */
static int open_reply(json_t *reply, json_t **ret_value,
		      struct smudge_error *err)
{
	json_t *result = json_object_get(reply, "return");
	const char *desc = json_string_value(
		json_object_get(json_object_get(reply, "error"), "desc"));
	int ret = 0;

	if (!result)
		ret = smudge_error_set(err, -EREMOTEIO, "qmp", "%s",
				       desc ? desc : "the reply is not QMP");
	else if (ret_value)
		*ret_value = json_incref(result);
	json_decref(reply);
	return ret;
}

int qmp_client_run_fd(struct qmp_client *client, const char *command,
		      json_t *arguments, int fd, json_t **ret_value,
		      struct smudge_error *err)
{
	json_t *reply = NULL;
	int ret = client->is_lost ? -ENOTCONN : 0;

	if (ret)
		json_decref(arguments);
	else
		ret = send_command(client, command, arguments, fd);
	if (!ret)
		ret = read_reply(client, &reply);
	client->is_lost |= ret != 0;
	if (ret)
		return smudge_error_set(err, ret, "qmp",
					"no reply to '%.40s': %s", command,
					reason(ret));
	return open_reply(reply, ret_value, err);
}

void qmp_client_on_event(struct qmp_client *client,
			 void (*found)(void *opaque, const json_t *event),
			 void *opaque)
{
	client->found = found;
	client->opaque = opaque;
}

void qmp_client_set_timeout(struct qmp_client *client, int64_t timeout_ms)
{
	client->reply_timeout_ms = timeout_ms;
}

int qmp_client_run(struct qmp_client *client, const char *command,
		   json_t *arguments, json_t **ret_value,
		   struct smudge_error *err)
{
	return qmp_client_run_fd(client, command, arguments, -1, ret_value,
				 err);
}

static int negotiate(struct qmp_client *client, const char *path,
		     int64_t greeting_ms, struct smudge_error *err)
{
	json_t *greeting = NULL;
	int ret;

	client->reply_timeout_ms = greeting_ms;
	ret = read_message(client, client->reply_timeout_ms, &greeting);
	client->reply_timeout_ms = REPLY_TIMEOUT_MS;
	if (!ret && !json_object_get(greeting, "QMP"))
		ret = -EPROTO;
	json_decref(greeting);
	if (ret)
		return smudge_error_set(err, ret, "qmp",
					"%s does not greet as QMP does: %s",
					path, reason(ret));
	return qmp_client_run(client, "qmp_capabilities", NULL, NULL, err);
}

static struct qmp_client *create(struct smudge_error *err)
{
	struct qmp_client *client = malloc(sizeof(*client));

	if (!client) {
		smudge_error_set(err, -ENOMEM, "qmp", "out of memory");
		return NULL;
	}
	client->fd = -1;
	client->found = NULL;
	client->is_lost = false;
	client->len = 0;
	client->used = 0;
	client->reply_timeout_ms = REPLY_TIMEOUT_MS;
	return client;
}

/* The process that listens; 0 if it has no number here. */
static pid_t peer_of(int fd)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0
								    : peer.pid;
}

int qmp_client_open_peer(const char *path, int64_t greeting_ms, pid_t *ret_peer,
			 struct qmp_client **ret_client,
			 struct smudge_error *err)
{
	struct qmp_client *client = create(err);
	int ret;

	if (!client)
		return -ENOMEM;
	ret = qmp_connect(path, 0, &client->fd, err);
	if (!ret) {
		*ret_peer = peer_of(client->fd);
		ret = negotiate(client, path, greeting_ms, err);
	}
	if (ret) {
		qmp_client_close(client);
		return ret;
	}
	*ret_client = client;
	return 0;
}

int qmp_client_open(const char *path, int64_t timeout_ms,
		    struct qmp_client **ret_client, struct smudge_error *err)
{
	struct qmp_client *client = create(err);
	int ret;

	if (!client)
		return -ENOMEM;
	ret = qmp_connect(path, timeout_ms, &client->fd, err);
	if (!ret)
		ret = negotiate(client, path, REPLY_TIMEOUT_MS, err);
	if (ret) {
		qmp_client_close(client);
		return ret;
	}
	*ret_client = client;
	return 0;
}

int qmp_client_open_fd(int fd, int64_t greeting_ms,
		       struct qmp_client **ret_client, struct smudge_error *err)
{
	struct qmp_client *client = create(err);
	int flags = fcntl(fd, F_GETFL);
	int ret;

	if (!client) {
		close(fd);
		return -ENOMEM;
	}
	client->fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		ret = smudge_error_set(err, -errno, "qmp",
				       "cannot use a monitor's socket: %s",
				       strerror(errno));
	else
		ret = negotiate(client, "the machine's monitor", greeting_ms,
				err);
	if (ret) {
		qmp_client_close(client);
		return ret;
	}
	*ret_client = client;
	return 0;
}

int qmp_client_fd(const struct qmp_client *client)
{
	return client->fd;
}

void qmp_client_close(struct qmp_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}
