/* SPDX-License-Identifier: MIT */
/*
 * A QMP client; qmp_client.h. It relies on one message a line, which
 * every QMP server writes.
 */
#include "qmp_client.h"

#include "clock.h"
#include "common/wait.h"

#include <smudge/error.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_TIMEOUT_MS 60000
#define RETRY_MS	 20
#define LINE_MAX_BYTES	 ((size_t)1 << 20)

struct qmp_client {
	int fd;
	size_t len;  /* bytes read */
	size_t used; /* of them, in lines handed out */
	char bytes[LINE_MAX_BYTES];
};

/* A server whose queue is full gives -EAGAIN at once. */
static int connect_once(const struct sockaddr_un *address, int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		rc = -errno;
	if (rc)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

/* How long a failure may be a passing one. */
static int64_t patience_ms(int rc, int64_t timeout_ms)
{
	if (rc == -EAGAIN)
		return REPLY_TIMEOUT_MS;
	return rc == -ENOENT || rc == -ECONNREFUSED ? timeout_ms : 0;
}

static int connect_patiently(const char *path, int64_t timeout_ms, int *ret_fd,
			     struct smudge_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int64_t began_ms = clock_now_ms();
	int rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return smudge_error_set(err, -ENAMETOOLONG, "qmp",
					"a socket's path has at most %zu "
					"bytes; %.60s... has %zu",
					sizeof(address.sun_path) - 1, path,
					strlen(path));
	strcpy(address.sun_path, path);
	for (;;) {
		rc = connect_once(&address, ret_fd);
		if (!rc)
			return 0;
		if (clock_now_ms() - began_ms >= patience_ms(rc, timeout_ms) ||
		    interrupted())
			break;
		clock_sleep_ms(RETRY_MS);
	}
	return smudge_error_set(err, rc, "qmp", "cannot connect to %s: %s",
				path, strerror(-rc));
}

static int wait_for(struct qmp_client *client, short events, int64_t end_ms)
{
	int64_t left_ms = end_ms - clock_now_ms();
	int rc = wait_ready(client->fd, events, interrupt_end_fd(),
			    left_ms < 0 ? 0 : left_ms);

	return rc == -ECANCELED ? -EINTR : rc;
}

/* More bytes behind those there are. */
static int read_more(struct qmp_client *client, int64_t end_ms)
{
	ssize_t n;
	int rc;

	if (client->len == sizeof(client->bytes))
		return -EMSGSIZE;
	rc = wait_for(client, POLLIN, end_ms);
	if (rc)
		return rc;
	n = recv(client->fd, client->bytes + client->len,
		 sizeof(client->bytes) - client->len, 0);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	client->len += (size_t)n;
	return n ? 0 : -ECONNRESET;
}

static int read_message(struct qmp_client *client, json_t **ret)
{
	int64_t end_ms = clock_now_ms() + REPLY_TIMEOUT_MS;
	char *newline;
	char *line;
	int rc;

	memmove(client->bytes, client->bytes + client->used,
		client->len - client->used);
	client->len -= client->used;
	client->used = 0;
	while (!(newline = memchr(client->bytes, '\n', client->len))) {
		rc = read_more(client, end_ms);
		if (rc)
			return rc;
	}
	line = client->bytes;
	client->used = (size_t)(newline - line) + 1;
	*ret = json_loadb(line, client->used, 0, NULL);
	return *ret ? 0 : -EPROTO;
}

static int send_all(struct qmp_client *client, const char *text, size_t len)
{
	int64_t end_ms = clock_now_ms() + REPLY_TIMEOUT_MS;

	while (len) {
		ssize_t n = send(client->fd, text, len, MSG_NOSIGNAL);
		int rc = 0;

		if (n < 0 && errno == EAGAIN)
			rc = wait_for(client, POLLOUT, end_ms);
		else if (n < 0 && errno != EINTR)
			rc = -errno;
		if (rc)
			return rc;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/*
 * The size first: when json_dumps cannot grow its buffer it leaves an
 * object's key out and goes on (jansson 2.14).
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
			json_t *arguments)
{
	json_t *message = json_pack("{s:s}", "execute", command);
	size_t len = 0;
	char *text;
	int rc = 0;

	if (arguments)
		rc = json_object_set_new(message, "arguments", arguments);
	text = rc == 0 ? dump(message, &len) : NULL;
	json_decref(message);
	if (!text)
		return -ENOMEM;
	rc = send_all(client, text, len);
	free(text);
	return rc;
}

/* The next message that is no event. */
static int read_reply(struct qmp_client *client, json_t **ret)
{
	int rc = read_message(client, ret);

	while (!rc && json_object_get(*ret, "event")) {
		json_decref(*ret);
		*ret = NULL;
		rc = read_message(client, ret);
	}
	return rc;
}

/* What a reply holds; @reply is stolen. */
static int open_reply(json_t *reply, json_t **ret, struct smudge_error *err)
{
	json_t *result = json_object_get(reply, "return");
	const char *desc = json_string_value(
		json_object_get(json_object_get(reply, "error"), "desc"));
	int rc = 0;

	if (!result)
		rc = smudge_error_set(err, -EREMOTEIO, "qmp", "%s",
				      desc ? desc : "the reply is not QMP");
	else if (ret)
		*ret = json_incref(result);
	json_decref(reply);
	return rc;
}

int qmp_client_run(struct qmp_client *client, const char *command,
		   json_t *arguments, json_t **ret, struct smudge_error *err)
{
	json_t *reply = NULL;
	int rc = send_command(client, command, arguments);

	if (!rc)
		rc = read_reply(client, &reply);
	if (rc)
		return smudge_error_set(err, rc, "qmp",
					"no reply to '%.40s': %s", command,
					strerror(-rc));
	return open_reply(reply, ret, err);
}

static int negotiate(struct qmp_client *client, const char *path,
		     struct smudge_error *err)
{
	json_t *greeting = NULL;
	int rc = read_message(client, &greeting);

	if (!rc && !json_object_get(greeting, "QMP"))
		rc = -EPROTO;
	json_decref(greeting);
	if (rc)
		return smudge_error_set(err, rc, "qmp",
					"%s does not greet as QMP does: %s",
					path, strerror(-rc));
	return qmp_client_run(client, "qmp_capabilities", NULL, NULL, err);
}

int qmp_client_open(const char *path, int64_t timeout_ms,
		    struct qmp_client **ret, struct smudge_error *err)
{
	struct qmp_client *client = malloc(sizeof(*client));
	int rc;

	if (!client)
		return smudge_error_set(err, -ENOMEM, "qmp", "out of memory");
	client->fd = -1;
	client->len = 0;
	client->used = 0;
	rc = connect_patiently(path, timeout_ms, &client->fd, err);
	if (!rc)
		rc = negotiate(client, path, err);
	if (rc) {
		qmp_client_close(client);
		return rc;
	}
	*ret = client;
	return 0;
}

void qmp_client_close(struct qmp_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}
