/* SPDX-License-Identifier: MIT */
/*
 * The QMP server's thread and its connections.
 *
 * Only the thread uses connections. Other threads append events to `events`,
 * under `lock`, and wake it. It copies them to every negotiated connection
 * before the next reply, so that the events of a command come before the
 * command's reply.
 */
#include "qmp/server.h"

#include "base/bytes.h"
#include "common/accept.h"
#include "common/wait.h"
#include "base/unix_listen.h"
#include "base/host.h"
#include "qmp/connection.h"

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

#define MAX_CONNECTIONS	 16
#define EVENTS_MAX	 ((size_t)1 << 20)
#define CLOSE_TIMEOUT_MS 300
#define RETRY_MS	 100
#define NS_PER_MS	 INT64_C(1000000)

struct qmp_server {
	struct qmp_handler handler;
	int listen_fd;
	int wake_fd;
	struct socket_file file;
	struct accept_pause pause;
	pthread_t thread;
	bool started; /* the thread was created */
	struct qmp_connection connections[MAX_CONNECTIONS];
	struct pollfd polls[MAX_CONNECTIONS + 2];
	nfds_t npolls;
	nfds_t poll_at[MAX_CONNECTIONS]; /* in polls; 0: not polled */

	pthread_mutex_t lock;
	struct vm_buf events; /* under lock: lines not copied yet */
	bool stopping;	      /* under lock */
};

static void hand_out_events(struct qmp_server *server)
{
	struct vm_buf events;

	pthread_mutex_lock(&server->lock);
	events = server->events;
	memset(&server->events, 0, sizeof(server->events));
	pthread_mutex_unlock(&server->lock);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		struct qmp_connection *connection = &server->connections[i];

		if (!qmp_connection_takes_events(connection, EVENTS_MAX))
			continue;
		if (events.failed)
			qmp_session_lose_event(connection->session);
		else
			qmp_session_events(connection->session,
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

static struct qmp_connection *free_place(struct qmp_server *server)
{
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		if (server->connections[i].fd < 0)
			return &server->connections[i];
	}
	return NULL;
}

static void let_in(struct qmp_server *server)
{
	const struct qmp_handler handler = {server, execute, before_reply};
	struct qmp_connection *connection = free_place(server);
	int fd;

	if (!connection)
		return;
	fd = accept_client(server->listen_fd, NULL, NULL, &server->pause);
	if (fd < 0)
		return;
	qmp_connection_open(connection, fd, &handler);
}

static bool may_accept(struct qmp_server *server)
{
	return !accept_pause_ms(&server->pause) && free_place(server);
}

/* No more than there is room for: RLIMIT_NOFILE limits them too. */
static void prepare_polls(struct qmp_server *server, bool listening)
{
	server->polls[0] = (struct pollfd){server->wake_fd, POLLIN, 0};
	server->polls[1] = (struct pollfd){
		listening && may_accept(server) ? server->listen_fd : -1,
		POLLIN, 0};
	server->npolls = 2;
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		const struct qmp_connection *connection =
			&server->connections[i];

		server->poll_at[i] = 0;
		if (connection->fd < 0)
			continue;
		server->poll_at[i] = server->npolls;
		server->polls[server->npolls++] = (struct pollfd){
			connection->fd,
			qmp_connection_events(connection, listening), 0};
	}
}

/* When to wake without an event: to accept again, or to end a flush. */
static int timeout_ms(const struct qmp_server *server)
{
	if (accept_pause_ms(&server->pause))
		return accept_pause_ms(&server->pause);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		if (server->connections[i].close_at_ns)
			return (int)(QMP_FLUSH_NS / NS_PER_MS / 10);
	}
	return -1;
}

static bool is_stopping(struct qmp_server *server)
{
	bool stopping;

	pthread_mutex_lock(&server->lock);
	stopping = server->stopping;
	pthread_mutex_unlock(&server->lock);
	return stopping;
}

static void serve_connections(struct qmp_server *server)
{
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		struct qmp_connection *connection = &server->connections[i];

		if (connection->fd >= 0 && server->poll_at[i])
			qmp_connection_serve(
				connection,
				server->polls[server->poll_at[i]].revents);
	}
}

static void serve(struct qmp_server *server)
{
	uint64_t count;

	while (!is_stopping(server)) {
		prepare_polls(server, true);
		/* fewer descriptors are allowed than are polled: try later */
		if (poll(server->polls, server->npolls, timeout_ms(server)) <
		    0) {
			wait_ready(-1, 0, -1, RETRY_MS);
			continue;
		}
		if (server->polls[0].revents &&
		    read(server->wake_fd, &count, sizeof(count)) < 0)
			continue;
		hand_out_events(server);
		serve_connections(server);
		if (server->polls[1].revents)
			let_in(server);
	}
}

static bool any_pending(const struct qmp_server *server)
{
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		if (server->connections[i].fd >= 0 &&
		    qmp_connection_pending(&server->connections[i]))
			return true;
	}
	return false;
}

/* Send what is pending: SHUTDOWN and the reply to quit should still arrive. */
static void drain(struct qmp_server *server)
{
	int64_t deadline_ns = host_now_ns() + CLOSE_TIMEOUT_MS * NS_PER_MS;
	int64_t left_ns = CLOSE_TIMEOUT_MS * NS_PER_MS;
	int n = 1;

	hand_out_events(server);
	while (any_pending(server) && left_ns > 0 && n > 0) {
		prepare_polls(server, false);
		server->polls[0].fd = -1; /* stays readable now */
		n = poll(server->polls, server->npolls,
			 (int)(left_ns / NS_PER_MS));
		if (n > 0)
			serve_connections(server);
		left_ns = deadline_ns - host_now_ns();
	}
}

static void *server_thread(void *opaque)
{
	struct qmp_server *server = opaque;

	serve(server);
	drain(server);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
		if (server->connections[i].fd >= 0)
			qmp_connection_close(&server->connections[i]);
	}
	return NULL;
}

void qmp_server_event(struct qmp_server *server, const char *name, json_t *data)
{
	json_t *event = qmp_event(name, data);
	const uint64_t one = 1;
	size_t len = 0;
	char *line = qmp_line(event, NULL, &len);

	json_decref(event);
	pthread_mutex_lock(&server->lock);
	if (!line)
		server->events.failed = true;
	else if (server->events.len + len <= EVENTS_MAX)
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
		socket_file_remove(&server->file);
		close(server->listen_fd);
	}
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	vm_buf_free(&server->events);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

int qmp_socket_path(const char *spec, struct socket_file *ret_file,
		    struct smudge_error *err)
{
	static const char *const known[] = {"server=on", "server", "wait=off",
					    "nowait"};
	const char *option = strchr(spec, ',');
	size_t i;
	int ret;

	if (strncmp(spec, "unix:", 5) != 0)
		return smudge_error_set(err, -EINVAL, "qmp",
					"--qmp takes unix:PATH, not '%.100s'",
					spec);
	ret = socket_file_set(ret_file, spec + 5, strcspn(spec + 5, ","), "qmp",
			      err);
	if (ret)
		return ret;
	while (option) {
		size_t len = strcspn(++option, ",");

		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (strlen(known[i]) == len &&
			    strncmp(option, known[i], len) == 0)
				break;
		}
		if (i == sizeof(known) / sizeof(known[0]))
			return smudge_error_set(err, -EINVAL, "qmp",
						"--qmp knows server=on and "
						"wait=off, not '%.100s'",
						option);
		option = strchr(option, ',');
	}
	return 0;
}

int qmp_server_open(const char *spec, const struct qmp_handler *handler,
		    struct qmp_server **ret_server, struct smudge_error *err)
{
	struct qmp_server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return smudge_error_set(err, -ENOMEM, "qmp", "out of memory");
	pthread_mutex_init(&server->lock, NULL);
	server->handler = *handler;
	server->listen_fd = -1;
	server->wake_fd = -1;
	for (size_t i = 0; i < MAX_CONNECTIONS; i++)
		server->connections[i].fd = -1;
	ret = qmp_socket_path(spec, &server->file, err);
	if (!ret)
		ret = unix_listen(&server->file, "qmp", &server->listen_fd,
				  err);
	if (!ret) {
		server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (server->wake_fd < 0)
			ret = smudge_error_set(err, -errno, "qmp",
					       "cannot make an eventfd: %m");
	}
	if (ret) {
		qmp_server_destroy(server);
		return ret;
	}
	*ret_server = server;
	return 0;
}

int qmp_server_start(struct qmp_server *server, struct smudge_error *err)
{
	int ret = -pthread_create(&server->thread, NULL, server_thread, server);

	if (ret)
		return smudge_error_set(err, ret, "qmp",
					"cannot start the control thread: %s",
					strerror(-ret));
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
