/* SPDX-License-Identifier: MIT */
/*
 * Accepts connections and serves them: a browser's request, or a viewer's
 * messages.
 *
 * Nothing here waits: a connection is read when its bytes have arrived. This
 * file is above the screen and calls it when a viewer is authenticated or asks
 * for an update; conn.c is below the screen.
 */
#include "vnc/buffer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/host.h"

/*
 * A VNC viewer waits for the server to send first. A browser sends first, but
 * later on a busy host, and a second later where its first packet is lost. One
 * that gets a viewer's greeting shows an error instead of the page, so it has
 * two seconds. They are counted in looks: when this host stood meanwhile, the
 * browser may have, too.
 */
#define SILENCE_NS	 (100 * VNC_NS_MS)
#define SILENT_LOOKS	 1
#define WEB_SILENT_LOOKS 20
#define RETRY_NS	 (20 * VNC_NS_MS)
#define HANDSHAKE_NS	 (120000 * VNC_NS_MS) /* a user types a password */
#define REQUEST_NS	 (10000 * VNC_NS_MS)
#define KEEPALIVE_S	 30

static void name_conn(struct vnc_report_viewer *name,
		      const struct sockaddr_storage *address, socklen_t len)
{
	if (getnameinfo((const struct sockaddr *)address, len, name->host,
			sizeof(name->host), name->service,
			sizeof(name->service),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		memset(name, 0, sizeof(*name));
	name->is_ipv6 = address->ss_family == AF_INET6;
}

/* A peer that vanished is given up after KEEPALIVE_S * 4. */
static void set_options(int fd)
{
	const int one = 1, seconds = KEEPALIVE_S, probes = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

void vnc_conn_accept(struct vnc *vnc)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = accept_client(vnc->listen_fd, (struct sockaddr *)&address,
			       &len, &vnc->pause);
	struct vnc_conn accepted = {.fd = fd, .stage = VNC_NEW};
	struct vnc_conn *conn;

	if (fd < 0)
		return;
	conn = vnc_place_find(vnc);
	if (!conn) {
		close(fd);
		return;
	}
	set_options(fd);
	name_conn(&accepted.name, &address, len);
	accepted.address = vnc_address_of(&address);
	accepted.connected_at_ns = host_now_ns();
	accepted.retry_at_ns = accepted.connected_at_ns + SILENCE_NS;
	accepted.deadline_ns = accepted.connected_at_ns + REQUEST_NS;
	pthread_mutex_lock(&vnc->lock);
	*conn = accepted;
	pthread_mutex_unlock(&vnc->lock);
}

static void look_at_request(rfbClientPtr client,
			    rfbFramebufferUpdateRequestMsg *message)
{
	struct vnc *vnc = client->screen->screenData;
	struct vnc_conn *conn = client->clientData;

	/* the mode changed before the viewer asked for changes of size */
	if (client->useNewFBSize &&
	    (conn->known_width != client->screen->width ||
	     conn->known_height != client->screen->height)) {
		client->newFBSizePending = TRUE;
		vnc_conn_note_size(conn);
	}
	/* a viewer that asks for all wants the present content */
	if (!message->incremental)
		vnc_screen_refresh_now(vnc, conn);
}

/* It gets these bytes, then the connection ends. */
static void send_and_end(struct vnc *vnc, struct vnc_conn *conn,
			 const char *bytes, size_t len)
{
	pthread_mutex_lock(&vnc->lock);
	conn->stage = VNC_PAGE;
	pthread_mutex_unlock(&vnc->lock);
	conn->answer = bytes;
	conn->answer_bytes = len;
	conn->retry_at_ns = 0;
	conn->deadline_ns = host_now_ns() + REQUEST_NS;
}

static void become_viewer(struct vnc *vnc, struct vnc_conn *conn,
			  const char *request)
{
	rfbClientPtr client;
	struct vnc_buffer *buffer;
	const char *refusal;
	size_t len;

	if (vnc->is_away) {
		refusal = request ? vnc_request_answer(vnc, VNC_REQUEST_PAGE,
						       request, &len)
				  : vnc_depart_refusal(&len);
		send_and_end(vnc, conn, refusal, len);
		return;
	}
	if (vnc_buffer_open(vnc->screen, request, &buffer, &client) < 0) {
		vnc_conn_end(vnc, conn);
		return;
	}
	client->clientFramebufferUpdateRequestHook = look_at_request;
	client->clientData = conn;
	conn->client = client;
	conn->buffer = buffer;
	conn->deadline_ns = host_now_ns() + HANDSHAKE_NS;
	conn->retry_at_ns = 0;
	pthread_mutex_lock(&vnc->lock);
	conn->stage = VNC_VIEWER;
	conn->is_websocket = request != NULL;
	pthread_mutex_unlock(&vnc->lock);
	vnc_conn_send(vnc, conn);
}

/* libvncserver answers the request; it must not get what follows. */
static void become_websocket(struct vnc *vnc, struct vnc_conn *conn, char *text)
{
	size_t len = (size_t)(strstr(text, "\r\n\r\n") - text) + 4;

	text[len] = '\0';
	if (recv(conn->fd, text, len, 0) != (ssize_t)len)
		vnc_conn_end(vnc, conn);
	else
		become_viewer(vnc, conn, text);
}

static void answer(struct vnc *vnc, struct vnc_conn *conn,
		   enum vnc_request kind, const char *text)
{
	char request[VNC_REQUEST_BYTES];
	const char *bytes;
	size_t len;

	/* close() with unread bytes would send a reset */
	if (recv(conn->fd, request, sizeof(request), 0) < 0) {
		vnc_conn_end(vnc, conn);
		return;
	}
	bytes = vnc_request_answer(vnc, kind, text, &len);
	send_and_end(vnc, conn, bytes, len);
}

/* Nothing has arrived: it is a viewer if that stays so. */
static void note_silence(struct vnc *vnc, struct vnc_conn *conn)
{
	unsigned int most = vnc->options.web ? WEB_SILENT_LOOKS : SILENT_LOOKS;
	int64_t now_ns = host_now_ns();

	if (now_ns < conn->retry_at_ns)
		return;
	conn->retry_at_ns = now_ns + SILENCE_NS;
	if (++conn->nsilent_looks >= most)
		become_viewer(vnc, conn, NULL);
}

static void serve_new(struct vnc *vnc, struct vnc_conn *conn)
{
	char text[VNC_REQUEST_BYTES + 1];
	ssize_t len = recv(conn->fd, text, sizeof(text) - 1, MSG_PEEK);
	bool is_silent = len < 0 && (errno == EAGAIN || errno == EINTR);
	enum vnc_request kind;

	if (is_silent) {
		note_silence(vnc, conn);
		return;
	}
	if (len <= 0) {
		vnc_conn_end(vnc, conn);
		return;
	}
	text[len] = '\0';
	kind = vnc_request_parse(text, (size_t)len, &vnc->options);
	switch (kind) {
	case VNC_REQUEST_PARTIAL:
		conn->is_partial = true;
		conn->retry_at_ns = host_now_ns() + RETRY_NS;
		break;
	case VNC_REQUEST_VNC:
		become_viewer(vnc, conn, NULL);
		break;
	case VNC_REQUEST_WEBSOCKET:
		become_websocket(vnc, conn, text);
		break;
	case VNC_REQUEST_PAGE:
	case VNC_REQUEST_OTHER:
	case VNC_REQUEST_METHOD:
		answer(vnc, conn, kind, text);
		break;
	case VNC_REQUEST_BAD:
		vnc_conn_end(vnc, conn);
		break;
	}
}

static void serve_page(struct vnc *vnc, struct vnc_conn *conn)
{
	ssize_t sent =
		send(conn->fd, conn->answer + conn->sent_bytes,
		     conn->answer_bytes - conn->sent_bytes, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent > 0) {
		conn->sent_bytes += (size_t)sent;
		conn->deadline_ns = host_now_ns() + REQUEST_NS;
	}
	if (sent <= 0 || conn->sent_bytes == conn->answer_bytes)
		vnc_conn_end(vnc, conn);
}

/*
 * After wrong passwords from its address, the next is not checked before the
 * delay is over.
 */
static bool must_wait(const struct vnc *vnc, struct vnc_conn *conn)
{
	int64_t now_ns = host_now_ns();

	conn->retry_at_ns = 0;
	if (conn->client->state != RFB_AUTHENTICATION)
		return false;
	conn->retry_at_ns =
		vnc_guess_due_ns(&vnc->guesses, conn->address, now_ns);
	if (conn->retry_at_ns > now_ns)
		return true;
	conn->retry_at_ns = 0;
	return false;
}

/* False: there is no whole message, or the viewer has ended. */
static bool pass_message(struct vnc *vnc, struct vnc_conn *conn)
{
	rfbClientPtr client = conn->client;
	int ret;

	if (must_wait(vnc, conn))
		return false;
	/* the last message of the handshake has the size */
	if (!conn->is_authenticated)
		vnc_conn_note_size(conn);
	ret = vnc_buffer_pass(conn->buffer, client);
	if (ret < 0 && !vnc_conn_is_over(conn))
		rfbCloseClient(client);
	if (ret <= 0 || vnc_conn_is_over(conn))
		return false;
	if (client->state == RFB_NORMAL && !conn->is_authenticated) {
		pthread_mutex_lock(&vnc->lock);
		conn->is_authenticated = true;
		pthread_mutex_unlock(&vnc->lock);
		conn->deadline_ns = VNC_NEVER;
		/* its next message may need the picture */
		vnc_screen_follow(vnc);
	}
	return !vnc_conn_is_over(conn);
}

static void serve_viewer(struct vnc *vnc, struct vnc_conn *conn, short events)
{
	bool was_held;
	int ret = 0;

	if (events & ~POLLOUT && vnc_buffer_may_read(conn->buffer))
		ret = vnc_buffer_read(conn->buffer, conn->fd);
	else if (events & (POLLHUP | POLLERR))
		/* poll would return at once with the same event */
		ret = -ECONNRESET;
	if (ret < 0) {
		vnc_conn_end(vnc, conn);
		return;
	}
	do {
		while (pass_message(vnc, conn))
			;
		was_held = vnc_buffer_is_held(conn->buffer);
		vnc_conn_send(vnc, conn);
	} while (was_held && conn->buffer && !vnc_buffer_is_held(conn->buffer));
}

/* Its delay is over. */
static bool is_due(const struct vnc_conn *conn)
{
	return conn->retry_at_ns && host_now_ns() >= conn->retry_at_ns;
}

static void serve_stage(struct vnc *vnc, struct vnc_conn *conn, short events)
{
	switch (conn->stage) {
	case VNC_NEW:
		serve_new(vnc, conn);
		break;
	case VNC_PAGE:
		if (events)
			serve_page(vnc, conn);
		break;
	case VNC_VIEWER:
		if (vnc_conn_is_over(conn))
			vnc_conn_end(vnc, conn);
		else if (events || is_due(conn))
			serve_viewer(vnc, conn, events);
		break;
	}
}

static bool is_late(const struct vnc_conn *conn)
{
	return conn->fd >= 0 && host_now_ns() >= conn->deadline_ns;
}

void vnc_conn_serve(struct vnc *vnc, struct vnc_conn *conn, short events)
{
	/* maybe this host was late, and the peer was not */
	if (is_late(conn))
		events |= POLLIN | POLLOUT;
	serve_stage(vnc, conn, events);
	if (is_late(conn))
		vnc_conn_end(vnc, conn);
}
