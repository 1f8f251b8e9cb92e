/* SPDX-License-Identifier: MIT */
/*
 * A peer from accept on: a request of a browser, or a viewer's messages.
 *
 * Nobody is waited for: what a peer has not sent yet is looked at when it is
 * there. This is above the screen, which is told that a viewer sees or asks;
 * peer.c is below the screen.
 */
#include "vnc/link.h"

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
 * A VNC viewer waits for the server's first word. A browser does not, but on a
 * busy host it takes its time between connecting and asking.
 */
#define SILENCE_NS     (100 * VNC_NS_MS)
#define WEB_SILENCE_NS (500 * VNC_NS_MS)
#define LOOK_AGAIN_NS  (20 * VNC_NS_MS)
#define HANDSHAKE_NS   (120000 * VNC_NS_MS) /* someone types a password */
#define REQUEST_NS     (10000 * VNC_NS_MS)
#define KEEPALIVE_S    30

static void name_peer(struct vnc_report_viewer *name,
		      const struct sockaddr_storage *address, socklen_t len)
{
	if (getnameinfo((const struct sockaddr *)address, len, name->host,
			sizeof(name->host), name->service,
			sizeof(name->service),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		memset(name, 0, sizeof(*name));
	name->is_ipv6 = address->ss_family == AF_INET6;
}

/* One that vanished without a word is given up after KEEPALIVE_S * 4. */
static void set_options(int fd)
{
	const int one = 1, seconds = KEEPALIVE_S, probes = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

void vnc_peer_accept(struct vnc *vnc)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = accept_client(vnc->listen_fd, (struct sockaddr *)&address,
			       &len, &vnc->pause);
	struct vnc_peer fresh = {.fd = fd, .stage = VNC_FRESH};
	struct vnc_peer *peer;

	if (fd < 0)
		return;
	peer = vnc_place_find(vnc);
	if (!peer) {
		close(fd);
		return;
	}
	set_options(fd);
	name_peer(&fresh.name, &address, len);
	fresh.address = vnc_address_of(&address);
	fresh.came_ns = host_now_ns();
	fresh.look_again_ns = fresh.came_ns +
			      (vnc->options.web ? WEB_SILENCE_NS : SILENCE_NS);
	fresh.deadline_ns = fresh.came_ns + REQUEST_NS;
	pthread_mutex_lock(&vnc->lock);
	*peer = fresh;
	pthread_mutex_unlock(&vnc->lock);
}

static void look_at_request(rfbClientPtr client,
			    rfbFramebufferUpdateRequestMsg *message)
{
	struct vnc *vnc = client->screen->screenData;
	struct vnc_peer *peer = client->clientData;

	/* the mode changed before it said that it wants to be told */
	if (client->useNewFBSize &&
	    (peer->told_width != client->screen->width ||
	     peer->told_height != client->screen->height)) {
		client->newFBSizePending = TRUE;
		vnc_peer_was_told_size(peer);
	}
	/* who asks for all of it wants what is there now */
	if (!message->incremental)
		vnc_screen_hurry(vnc, peer);
}

static void become_viewer(struct vnc *vnc, struct vnc_peer *peer,
			  const char *request)
{
	rfbClientPtr client;
	struct vnc_link *link;

	if (vnc_link_open(vnc->screen, request, &link, &client) < 0) {
		vnc_peer_end(vnc, peer);
		return;
	}
	client->clientFramebufferUpdateRequestHook = look_at_request;
	client->clientData = peer;
	peer->client = client;
	peer->link = link;
	peer->deadline_ns = host_now_ns() + HANDSHAKE_NS;
	peer->look_again_ns = 0;
	pthread_mutex_lock(&vnc->lock);
	peer->stage = VNC_VIEWER;
	peer->is_websocket = request != NULL;
	pthread_mutex_unlock(&vnc->lock);
	vnc_peer_send(vnc, peer);
}

/* Its request is libvncserver's to answer; what follows it is not. */
static void become_websocket(struct vnc *vnc, struct vnc_peer *peer, char *text)
{
	size_t len = (size_t)(strstr(text, "\r\n\r\n") - text) + 4;

	text[len] = '\0';
	if (recv(peer->fd, text, len, 0) != (ssize_t)len)
		vnc_peer_end(vnc, peer);
	else
		become_viewer(vnc, peer, text);
}

static void answer(struct vnc *vnc, struct vnc_peer *peer,
		   enum vnc_request kind, const char *text)
{
	char request[VNC_REQUEST_BYTES];

	/* unread bytes would turn the end into a reset */
	if (recv(peer->fd, request, sizeof(request), 0) < 0) {
		vnc_peer_end(vnc, peer);
		return;
	}
	pthread_mutex_lock(&vnc->lock);
	peer->stage = VNC_PAGE;
	pthread_mutex_unlock(&vnc->lock);
	peer->answer = vnc_request_answer(vnc, kind, text, &peer->answer_bytes);
	peer->look_again_ns = 0;
	peer->deadline_ns = host_now_ns() + REQUEST_NS;
}

static void serve_fresh(struct vnc *vnc, struct vnc_peer *peer)
{
	char text[VNC_REQUEST_BYTES + 1];
	ssize_t len = recv(peer->fd, text, sizeof(text) - 1, MSG_PEEK);
	bool is_silent = len < 0 && (errno == EAGAIN || errno == EINTR);
	enum vnc_request kind;

	if (is_silent) {
		if (host_now_ns() >= peer->look_again_ns)
			become_viewer(vnc, peer, NULL);
		return;
	}
	if (len <= 0) {
		vnc_peer_end(vnc, peer);
		return;
	}
	text[len] = '\0';
	kind = vnc_request_parse(text, (size_t)len, &vnc->options);
	switch (kind) {
	case VNC_REQUEST_PARTIAL:
		peer->is_partial = true;
		peer->look_again_ns = host_now_ns() + LOOK_AGAIN_NS;
		break;
	case VNC_REQUEST_VNC:
		become_viewer(vnc, peer, NULL);
		break;
	case VNC_REQUEST_WEBSOCKET:
		become_websocket(vnc, peer, text);
		break;
	case VNC_REQUEST_PAGE:
	case VNC_REQUEST_OTHER:
	case VNC_REQUEST_METHOD:
		answer(vnc, peer, kind, text);
		break;
	case VNC_REQUEST_BAD:
		vnc_peer_end(vnc, peer);
		break;
	}
}

static void serve_page(struct vnc *vnc, struct vnc_peer *peer)
{
	ssize_t sent =
		send(peer->fd, peer->answer + peer->sent_bytes,
		     peer->answer_bytes - peer->sent_bytes, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent > 0) {
		peer->sent_bytes += (size_t)sent;
		peer->deadline_ns = host_now_ns() + REQUEST_NS;
	}
	if (sent <= 0 || peer->sent_bytes == peer->answer_bytes)
		vnc_peer_end(vnc, peer);
}

/* A password is not looked at before wrong ones of its address have cost. */
static bool must_wait(const struct vnc *vnc, struct vnc_peer *peer)
{
	int64_t now_ns = host_now_ns();

	peer->look_again_ns = 0;
	if (peer->client->state != RFB_AUTHENTICATION)
		return false;
	peer->look_again_ns =
		vnc_guess_due_ns(&vnc->guesses, peer->address, now_ns);
	if (peer->look_again_ns > now_ns)
		return true;
	peer->look_again_ns = 0;
	return false;
}

/* False: no whole message is there, or the viewer is over. */
static bool pass_message(struct vnc *vnc, struct vnc_peer *peer)
{
	rfbClientPtr client = peer->client;
	int ret;

	if (must_wait(vnc, peer))
		return false;
	/* the first message after these tells the size */
	if (!peer->may_see)
		vnc_peer_was_told_size(peer);
	ret = vnc_link_pass(peer->link, client);
	if (ret < 0 && !vnc_peer_is_over(peer))
		rfbCloseClient(client);
	if (ret <= 0 || vnc_peer_is_over(peer))
		return false;
	if (client->state == RFB_NORMAL && !peer->may_see) {
		pthread_mutex_lock(&vnc->lock);
		peer->may_see = true;
		pthread_mutex_unlock(&vnc->lock);
		peer->deadline_ns = VNC_NEVER;
		/* its next message may need the picture */
		vnc_screen_follow(vnc);
	}
	return !vnc_peer_is_over(peer);
}

static void serve_viewer(struct vnc *vnc, struct vnc_peer *peer, short events)
{
	bool was_held;
	int ret = 0;

	if (events & ~POLLOUT && vnc_link_may_read(peer->link))
		ret = vnc_link_read(peer->link, peer->fd);
	else if (events & (POLLHUP | POLLERR))
		/* poll would say so again at once */
		ret = -ECONNRESET;
	if (ret < 0) {
		vnc_peer_end(vnc, peer);
		return;
	}
	do {
		while (pass_message(vnc, peer))
			;
		was_held = vnc_link_is_held(peer->link);
		vnc_peer_send(vnc, peer);
	} while (was_held && peer->link && !vnc_link_is_held(peer->link));
}

/* It waited, and may go on now. */
static bool is_due(const struct vnc_peer *peer)
{
	return peer->look_again_ns && host_now_ns() >= peer->look_again_ns;
}

void vnc_peer_serve(struct vnc *vnc, struct vnc_peer *peer, short events)
{
	if (host_now_ns() >= peer->deadline_ns) {
		vnc_peer_end(vnc, peer);
		return;
	}
	switch (peer->stage) {
	case VNC_FRESH:
		serve_fresh(vnc, peer);
		break;
	case VNC_PAGE:
		if (events)
			serve_page(vnc, peer);
		break;
	case VNC_VIEWER:
		if (vnc_peer_is_over(peer))
			vnc_peer_end(vnc, peer);
		else if (events || is_due(peer))
			serve_viewer(vnc, peer, events);
		break;
	}
}
