/* SPDX-License-Identifier: MIT */
/*
 * A QMP client over a UNIX socket: which reply is whose, and how long for.
 */
#include "qmp_client.h"

#include "clock.h"
#include "common/clock.h"
#include "common/qmp_lines.h"
#include "qmp_connect.h"

#include <smudge/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_TIMEOUT_MS QMP_TIMEOUT_MS
#define LINE_MAX_BYTES	 ((size_t)1 << 20)

struct qmp_client {
	struct qmp_lines lines;
	int64_t reply_timeout_ms;
	bool is_lost; /* a reply did not come, and may come later */
	void (*found)(void *opaque, const json_t *event); /* or NULL */
	void *opaque;
};

static struct qmp_patience patience_of(int64_t timeout_ms)
{
	const int64_t now_ns = clock_now_ns();
	const int64_t most_ms = (INT64_MAX - now_ns) / CLOCK_NS_PER_MS;

	return (struct qmp_patience){
		.deadline_ns = timeout_ms > most_ms
				       ? INT64_MAX
				       : now_ns + timeout_ms * CLOCK_NS_PER_MS,
		.end_fd = interrupt_end_fd(),
	};
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

/* A signal that ends the wait has interrupted the call. */
static int interrupted_wait(int ret)
{
	return ret == -ECANCELED ? -EINTR : ret;
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
		ret = qmp_lines_read(&client->lines,
				     patience_of(client->reply_timeout_ms),
				     &message);
		if (ret)
			return ret;
	} while (take_event(client, message));
	*ret_message = message;
	return 0;
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
		ret = qmp_lines_command(&client->lines, command, arguments, fd,
					patience_of(REPLY_TIMEOUT_MS));
	if (!ret)
		ret = read_reply(client, &reply);
	ret = interrupted_wait(ret);
	client->is_lost |= ret != 0;
	if (ret)
		return smudge_error_set(err, ret, "qmp",
					"no reply to '%.40s': %s", command,
					reason(ret));
	return qmp_open_reply(reply, ret_value, err);
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
	int ret = interrupted_wait(
		qmp_lines_greet(&client->lines, patience_of(greeting_ms)));

	if (ret)
		return smudge_error_set(err, ret, "qmp",
					"%s does not greet as QMP does: %s",
					path, reason(ret));
	return qmp_client_run(client, "qmp_capabilities", NULL, NULL, err);
}

static struct qmp_client *create(struct smudge_error *err)
{
	struct qmp_client *client = calloc(1, sizeof(*client));

	if (!client) {
		smudge_error_set(err, -ENOMEM, "qmp", "out of memory");
		return NULL;
	}
	qmp_lines_begin(&client->lines, -1, LINE_MAX_BYTES);
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
	ret = qmp_connect(path, 0, &client->lines.fd, err);
	if (!ret) {
		*ret_peer = peer_of(client->lines.fd);
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
	ret = qmp_connect(path, timeout_ms, &client->lines.fd, err);
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
	client->lines.fd = fd;
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
	return client->lines.fd;
}

void qmp_client_close(struct qmp_client *client)
{
	if (!client)
		return;
	qmp_lines_end(&client->lines);
	free(client);
}
