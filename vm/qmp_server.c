/* SPDX-License-Identifier: MIT */
/*
 * The QMP server's thread and its clients; qmp_server.h says what it serves.
 *
 * Only the thread touches clients. Other threads leave events in `events`,
 * under `lock`, and wake it; it copies them to every negotiated client, in
 * front of the reply it is about to send, so that the events a command
 * caused come before the command's reply.
 */
#include "qmp_server.h"

#include "bytes.h"
#include "control_listen.h"
#include "host.h"

#include <smudge/error.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS	 16
#define OUTPUT_HIGH	 ((size_t)64 << 10)
#define EVENTS_MAX	 ((size_t)1 << 20)
#define READ_BYTES	 4096
#define CLOSE_TIMEOUT_MS 500
#define NS_PER_MS	 INT64_C(1000000)

struct qmp_client {
	int fd; /* -1: a free place */
	struct qmp_session *session;
};

struct qmp_server {
	struct qmp_handler handler;
	int listen_fd;
	int wake_fd;
	char *path;
	pthread_t thread;
	bool started; /* the thread is there */
	struct qmp_client clients[MAX_CLIENTS];
	struct pollfd polls[MAX_CLIENTS + 2];

	pthread_mutex_t lock;
	struct vm_buf events; /* under lock: lines not handed out yet */
	bool stopping;	      /* under lock */
};

static void drop_client(struct qmp_client *client)
{
	close(client->fd);
	qmp_session_destroy(client->session);
	client->fd = -1;
	client->session = NULL;
}

static size_t pending(const struct qmp_client *client)
{
	size_t len = 0;

	qmp_session_output(client->session, &len);
	return len;
}

static void hand_out_events(struct qmp_server *server)
{
	struct vm_buf events;
	size_t i;

	pthread_mutex_lock(&server->lock);
	events = server->events;
	memset(&server->events, 0, sizeof(server->events));
	pthread_mutex_unlock(&server->lock);
	for (i = 0; i < MAX_CLIENTS && events.len && !events.failed; i++) {
		struct qmp_client *client = &server->clients[i];

		if (client->fd >= 0 &&
		    qmp_session_negotiated(client->session) &&
		    pending(client) < EVENTS_MAX)
			qmp_session_events(client->session,
					   (const char *)events.bytes,
					   events.len);
	}
	vm_buf_free(&events);
}

static void before_reply(void *opaque)
{
	hand_out_events(opaque);
}

static json_t *execute(void *opaque, const char *command,
		       const json_t *arguments, struct qmp_error *err)
{
	struct qmp_server *server = opaque;

	return server->handler.execute(server->handler.opaque, command,
				       arguments, err);
}

static struct qmp_client *free_place(struct qmp_server *server)
{
	size_t i;

	for (i = 0; i < MAX_CLIENTS; i++) {
		if (server->clients[i].fd < 0)
			return &server->clients[i];
	}
	return NULL;
}

static void accept_client(struct qmp_server *server)
{
	const struct qmp_handler handler = {server, execute, before_reply};
	struct qmp_client *client = free_place(server);
	int fd;

	if (!client)
		return;
	fd = accept4(server->listen_fd, NULL, NULL,
		     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	client->session = qmp_session_create(&handler);
	client->fd = fd;
	if (!client->session)
		drop_client(client);
}

static void write_client(struct qmp_client *client)
{
	size_t len = 0;
	const char *bytes = qmp_session_output(client->session, &len);
	ssize_t n;

	if (!len)
		return;
	n = send(client->fd, bytes, len, MSG_NOSIGNAL);
	if (n >= 0)
		qmp_session_sent(client->session, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		drop_client(client);
}

static void read_client(struct qmp_client *client)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);

	if (n > 0)
		qmp_session_input(client->session, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		drop_client(client);
}

static void serve_client(struct qmp_client *client, short revents)
{
	if (revents & POLLIN)
		read_client(client);
	else if (revents & (POLLHUP | POLLERR))
		drop_client(client);
	if (client->fd >= 0)
		write_client(client);
	if (client->fd >= 0 && qmp_session_failed(client->session))
		drop_client(client);
}

static void prepare_polls(struct qmp_server *server, bool listening)
{
	size_t i;

	server->polls[0] = (struct pollfd){server->wake_fd, POLLIN, 0};
	server->polls[1] = (struct pollfd){
		listening && free_place(server) ? server->listen_fd : -1,
		POLLIN, 0};
	for (i = 0; i < MAX_CLIENTS; i++) {
		const struct qmp_client *client = &server->clients[i];
		struct pollfd *p = &server->polls[i + 2];

		*p = (struct pollfd){client->fd, 0, 0};
		if (client->fd < 0)
			continue;
		if (listening && pending(client) < OUTPUT_HIGH)
			p->events |= POLLIN;
		if (pending(client))
			p->events |= POLLOUT;
	}
}

static bool is_stopping(struct qmp_server *server)
{
	bool stopping;

	pthread_mutex_lock(&server->lock);
	stopping = server->stopping;
	pthread_mutex_unlock(&server->lock);
	return stopping;
}

static void serve_clients(struct qmp_server *server)
{
	size_t i;

	for (i = 0; i < MAX_CLIENTS; i++) {
		struct qmp_client *client = &server->clients[i];

		/* a client accepted just now has no poll result yet */
		if (client->fd >= 0 && server->polls[i + 2].fd == client->fd)
			serve_client(client, server->polls[i + 2].revents);
	}
}

static void serve(struct qmp_server *server)
{
	uint64_t count;

	while (!is_stopping(server)) {
		prepare_polls(server, true);
		if (poll(server->polls, MAX_CLIENTS + 2, -1) < 0)
			continue;
		if (server->polls[0].revents &&
		    read(server->wake_fd, &count, sizeof(count)) < 0)
			continue;
		hand_out_events(server);
		serve_clients(server);
		if (server->polls[1].revents)
			accept_client(server);
	}
}

static bool any_pending(const struct qmp_server *server)
{
	size_t i;

	for (i = 0; i < MAX_CLIENTS; i++) {
		if (server->clients[i].fd >= 0 && pending(&server->clients[i]))
			return true;
	}
	return false;
}

/* Last words: SHUTDOWN and the reply to quit should still arrive. */
static void drain(struct qmp_server *server)
{
	int64_t end_ns = host_now_ns() + CLOSE_TIMEOUT_MS * NS_PER_MS;

	hand_out_events(server);
	while (any_pending(server) && host_now_ns() < end_ns) {
		prepare_polls(server, false);
		server->polls[0].fd = -1; /* stays readable now */
		if (poll(server->polls, MAX_CLIENTS + 2, CLOSE_TIMEOUT_MS) > 0)
			serve_clients(server);
	}
}

static void *server_thread(void *opaque)
{
	struct qmp_server *server = opaque;
	size_t i;

	serve(server);
	drain(server);
	for (i = 0; i < MAX_CLIENTS; i++) {
		if (server->clients[i].fd >= 0)
			drop_client(&server->clients[i]);
	}
	return NULL;
}

void qmp_server_event(struct qmp_server *server, const char *name, json_t *data)
{
	json_t *event = qmp_event(name, data);
	const uint64_t one = 1;
	size_t len = 0;
	char *line = qmp_line(event, &len);

	json_decref(event);
	if (!line)
		return;
	pthread_mutex_lock(&server->lock);
	if (server->events.len + len <= EVENTS_MAX)
		vm_buf_put(&server->events, line, len);
	pthread_mutex_unlock(&server->lock);
	free(line);
	/* a full counter wakes as well */
	if (write(server->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void qmp_server_destroy(struct qmp_server *server)
{
	if (!server)
		return;
	if (server->listen_fd >= 0) {
		unlink(server->path);
		close(server->listen_fd);
	}
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	vm_buf_free(&server->events);
	pthread_mutex_destroy(&server->lock);
	free(server->path);
	free(server);
}

int qmp_server_open(const char *spec, const struct qmp_handler *handler,
		    struct qmp_server **ret, struct smudge_error *err)
{
	struct qmp_server *server = calloc(1, sizeof(*server));
	size_t i;
	int rc;

	if (!server)
		return smudge_error_set(err, -ENOMEM, "qmp", "out of memory");
	pthread_mutex_init(&server->lock, NULL);
	server->handler = *handler;
	server->listen_fd = -1;
	server->wake_fd = -1;
	for (i = 0; i < MAX_CLIENTS; i++)
		server->clients[i].fd = -1;
	rc = qmp_socket_path(spec, &server->path, err);
	if (!rc)
		rc = unix_listen(server->path, "qmp", &server->listen_fd, err);
	if (!rc) {
		server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (server->wake_fd < 0)
			rc = smudge_error_set(err, -errno, "qmp",
					      "cannot make an eventfd: %m");
	}
	if (rc) {
		qmp_server_destroy(server);
		return rc;
	}
	*ret = server;
	return 0;
}

int qmp_server_start(struct qmp_server *server, struct smudge_error *err)
{
	int rc = -pthread_create(&server->thread, NULL, server_thread, server);

	if (rc)
		return smudge_error_set(err, rc, "qmp",
					"cannot start the control thread: %s",
					strerror(-rc));
	server->started = true;
	return 0;
}

void qmp_server_stop(struct qmp_server *server)
{
	const uint64_t one = 1;

	if (!server->started)
		return;
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_mutex_unlock(&server->lock);
	while (write(server->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(server->thread, NULL);
}
