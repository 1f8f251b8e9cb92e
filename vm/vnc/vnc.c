/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the VNC server, and runs its thread.
 */
#include "vnc/buffer.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <smudge/error.h>

#include "common/wait.h"
#include "base/host.h"

#define BACKLOG	    16
#define MAX_WAIT_NS (1000 * VNC_NS_MS)
#define RETRY_MS    100

static int listen_at(const struct addrinfo *address, int *ret_fd)
{
	const int one = 1;
	int fd = socket(address->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		code = -errno;
		close(fd);
		return code;
	}
	*ret_fd = fd;
	return 0;
}

static int start_listening(struct vnc *vnc, struct smudge_error *err)
{
	const struct vnc_options *options = &vnc->options;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_PASSIVE};
	struct addrinfo *address = NULL;
	char port[16];
	int ret;

	snprintf(port, sizeof(port), "%u", options->port);
	ret = getaddrinfo(options->host, port, &hints, &address);
	if (ret)
		return smudge_error_set(err, -EINVAL, VNC_WHERE,
					"--vnc: the host %.60s has no address: "
					"%s",
					options->host, gai_strerror(ret));
	ret = listen_at(address, &vnc->listen_fd);
	getnameinfo(address->ai_addr, address->ai_addrlen, vnc->about.host,
		    sizeof(vnc->about.host), vnc->about.service,
		    sizeof(vnc->about.service),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	vnc->about.is_ipv6 = address->ai_family == AF_INET6;
	vnc->about.has_password = *options->password;
	freeaddrinfo(address);
	if (ret)
		return smudge_error_set(err, ret, VNC_WHERE,
					"--vnc: port %u of %.60s cannot be "
					"listened on: %s",
					options->port, options->host,
					strerror(-ret));
	return 0;
}

static void describe(struct vnc *vnc)
{
	const char *left = vnc->about.is_ipv6 ? "[" : "";
	const char *right = vnc->about.is_ipv6 ? "]" : "";
	int used = snprintf(vnc->description, sizeof(vnc->description),
			    "VNC at %s%s%s:%s%s", left, vnc->about.host, right,
			    vnc->about.service,
			    vnc->about.has_password ? " with a password" : "");

	if (vnc->options.web)
		snprintf(vnc->description + used,
			 sizeof(vnc->description) - (size_t)used,
			 "; in a browser http://%s%s%s:%s/", left,
			 vnc->about.host, right, vnc->about.service);
}

static short events_of(const struct vnc_conn *conn)
{
	short events = POLLIN;

	if (conn->stage == VNC_PAGE)
		return POLLOUT;
	/* bytes that were only peeked at make poll return at once */
	if (conn->stage == VNC_NEW)
		return conn->is_partial ? 0 : events;
	if (!vnc_buffer_may_read(conn->buffer))
		events = 0;
	if (!vnc_buffer_is_empty(conn->buffer))
		events |= POLLOUT;
	return events;
}

/* When it must be served without an event. */
static int64_t due_ns(const struct vnc_conn *conn)
{
	if (vnc_conn_is_over(conn))
		return 0;
	if (conn->retry_at_ns && conn->retry_at_ns < conn->deadline_ns)
		return conn->retry_at_ns;
	return conn->deadline_ns;
}

/* Fills @fds, quit and listen first. Returns their number. */
static nfds_t watch(struct vnc *vnc, struct pollfd *fds, int64_t *ret_until_ns)
{
	int64_t until_ns = vnc_screen_due_ns(vnc);
	nfds_t n = 2;

	fds[0] = (struct pollfd){.fd = vnc->quit_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = vnc->listen_fd, .events = POLLIN};
	if (accept_pause_ms(&vnc->pause)) {
		fds[1].fd = -1;
		until_ns = vnc->pause.until_ns < until_ns ? vnc->pause.until_ns
							  : until_ns;
	}
	for (struct vnc_conn *conn = vnc->conns;
	     conn < vnc->conns + VNC_MAX_CONNS; conn++) {
		if (conn->fd < 0)
			continue;
		conn->poll_at = n;
		fds[n++] = (struct pollfd){.fd = conn->fd,
					   .events = events_of(conn)};
		if (due_ns(conn) < until_ns)
			until_ns = due_ns(conn);
	}
	*ret_until_ns = until_ns;
	return n;
}

static int timeout_ms(int64_t until_ns)
{
	int64_t left_ns = until_ns - host_now_ns();

	if (left_ns > MAX_WAIT_NS)
		left_ns = MAX_WAIT_NS;
	return left_ns <= 0 ? 0 : (int)((left_ns + VNC_NS_MS - 1) / VNC_NS_MS);
}

static bool is_ending(struct vnc *vnc)
{
	bool ending;

	pthread_mutex_lock(&vnc->lock);
	ending = vnc->is_ending;
	pthread_mutex_unlock(&vnc->lock);
	return ending;
}

static void *serve(void *opaque)
{
	struct vnc *vnc = opaque;
	struct pollfd fds[2 + VNC_MAX_CONNS];
	int64_t until_ns;

	while (!is_ending(vnc)) {
		nfds_t n = watch(vnc, fds, &until_ns);

		/* fewer descriptors are allowed than are polled: try later */
		if (poll(fds, n, timeout_ms(until_ns)) < 0) {
			wait_ready(-1, 0, -1, RETRY_MS);
			continue;
		}
		/* a viewer's greeting needs the present size */
		vnc_screen_follow(vnc);
		for (size_t i = 0; i < VNC_MAX_CONNS && !is_ending(vnc); i++)
			if (vnc->conns[i].fd >= 0)
				vnc_conn_serve(
					vnc, &vnc->conns[i],
					fds[vnc->conns[i].poll_at].revents);
		if (fds[1].revents & POLLIN)
			vnc_conn_accept(vnc);
		vnc_screen_send(vnc);
		vnc_depart_follow(vnc);
	}
	return NULL;
}

static int start_thread(struct vnc *vnc, struct smudge_error *err)
{
	int ret = host_thread_start(&vnc->thread, serve, vnc, 0);

	if (ret)
		return smudge_error_set(err, ret, VNC_WHERE,
					"the VNC thread cannot be started: %s",
					strerror(-ret));
	vnc->has_thread = true;
	return 0;
}

int vnc_check(const char *spec, struct smudge_error *err)
{
	struct vnc_options options;
	int ret = vnc_options_parse(spec, &options, err);

	explicit_bzero(options.password, sizeof(options.password));
	return ret;
}

int vnc_open(struct machine *machine, const char *spec, int end_fd,
	     struct vnc **ret_vnc, struct smudge_error *err)
{
	struct vnc *vnc = calloc(1, sizeof(*vnc));
	int ret;

	if (!vnc)
		return smudge_error_set(err, -ENOMEM, VNC_WHERE,
					"out of memory");
	vnc->machine = machine;
	vnc->listen_fd = -1;
	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		vnc->conns[i].fd = -1;
	pthread_mutex_init(&vnc->lock, NULL);
	vnc->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = vnc->quit_fd < 0
		      ? smudge_error_set(err, -errno, VNC_WHERE,
					 "an eventfd cannot be created")
		      : vnc_options_parse(spec, &vnc->options, err);
	if (!ret)
		ret = vnc_options_read(&vnc->options, end_fd, err);
	if (!ret && vnc->options.web)
		ret = vnc_page_load(vnc, end_fd, err);
	if (!ret)
		ret = vnc_load(err);
	if (!ret)
		ret = vnc_screen_create(vnc, err);
	if (!ret)
		ret = start_listening(vnc, err);
	if (!ret)
		ret = start_thread(vnc, err);
	if (ret) {
		vnc_close(vnc);
		return ret;
	}
	describe(vnc);
	*ret_vnc = vnc;
	return 0;
}

static void end_thread(struct vnc *vnc)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&vnc->lock);
	vnc->is_ending = true;
	pthread_mutex_unlock(&vnc->lock);
	if (write(vnc->quit_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(vnc->thread, NULL);
}

void vnc_close(struct vnc *vnc)
{
	if (!vnc)
		return;
	if (vnc->has_thread)
		end_thread(vnc);
	for (size_t i = 0; i < VNC_MAX_CONNS; i++)
		if (vnc->conns[i].fd >= 0)
			vnc_conn_end(vnc, &vnc->conns[i]);
	vnc_screen_destroy(vnc);
	if (vnc->listen_fd >= 0)
		close(vnc->listen_fd);
	if (vnc->quit_fd >= 0)
		close(vnc->quit_fd);
	pthread_mutex_destroy(&vnc->lock);
	explicit_bzero(vnc->options.password, sizeof(vnc->options.password));
	free(vnc->page);
	free(vnc);
}

const char *vnc_describe(const struct vnc *vnc)
{
	return vnc->description;
}

void vnc_report(struct vnc *vnc, struct vnc_report *ret)
{
	*ret = vnc->about;
	pthread_mutex_lock(&vnc->lock);
	ret->is_open = vnc->is_open;
	for (const struct vnc_conn *conn = vnc->conns;
	     conn < vnc->conns + VNC_MAX_CONNS; conn++) {
		if (conn->fd < 0 || !conn->is_authenticated)
			continue;
		ret->viewers[ret->nviewers] = conn->name;
		ret->viewers[ret->nviewers++].is_websocket = conn->is_websocket;
	}
	ret->refreshes = vnc->stats.refreshes;
	ret->refresh_ns = vnc->stats.refresh_ns;
	ret->taken_pages = vnc->stats.taken_pages;
	ret->compared_bytes = vnc->stats.compared_bytes;
	ret->changed_bytes = vnc->stats.changed_bytes;
	ret->rects = vnc->stats.rects;
	pthread_mutex_unlock(&vnc->lock);
}
