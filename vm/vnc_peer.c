/* SPDX-License-Identifier: MIT */
/*
 * Connections of the VNC server.
 *
 * libvncserver reads a message as a whole and waits for its rest. Until a
 * viewer is past its handshake it is a stranger, so nothing is read from it
 * before all of the message is there: it cannot make the others wait. Later a
 * viewer that sends half a message, or does not read, is waited for
 * MAX_WAIT_MS and then dropped.
 */
#include "vnc_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION "RFB 003.008\n"

/* A VNC viewer waits for the server's first word, a browser does not. */
#define SILENCE_NS    (100 * VNC_NS_MS)
#define LOOK_AGAIN_NS (20 * VNC_NS_MS)
#define REQUEST_NS    (10000 * VNC_NS_MS)
#define HANDSHAKE_NS  (120000 * VNC_NS_MS) /* someone types a password */

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

void vnc_peer_accept(struct vnc *vnc)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = accept4(vnc->listen_fd, (struct sockaddr *)&address, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct vnc_peer *peer = vnc->peers;
	struct vnc_peer fresh = {.fd = fd, .stage = VNC_FRESH};
	const int one = 1;

	if (fd < 0)
		return;
	while (peer < vnc->peers + VNC_MAX_PEERS && peer->fd >= 0)
		peer++;
	/* libvncserver uses select */
	if (peer == vnc->peers + VNC_MAX_PEERS || fd >= FD_SETSIZE) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	name_peer(&fresh.name, &address, len);
	fresh.look_again_ns = vnc_now_ns() + SILENCE_NS;
	fresh.deadline_ns = vnc_now_ns() + REQUEST_NS;
	pthread_mutex_lock(&vnc->lock);
	*peer = fresh;
	pthread_mutex_unlock(&vnc->lock);
}

void vnc_peer_end(struct vnc *vnc, struct vnc_peer *peer)
{
	rfbClientPtr client = peer->client;
	int fd = peer->fd;

	pthread_mutex_lock(&vnc->lock);
	*peer = (struct vnc_peer){.fd = -1};
	pthread_mutex_unlock(&vnc->lock);
	if (!client) {
		close(fd);
		return;
	}
	if (client->sock != RFB_INVALID_SOCKET)
		rfbCloseClient(client);
	/* libvncserver 0.9.14 forgets to free it */
	free(client->wsctx);
	client->wsctx = NULL;
	rfbClientConnectionGone(client);
}

void vnc_peer_was_told_size(struct vnc_peer *peer)
{
	peer->told_width = (uint16_t)peer->client->screen->width;
	peer->told_height = (uint16_t)peer->client->screen->height;
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
		vnc->refresh_at_ns = 0;
}

/*
 * A viewer that does not come over a WebSocket. libvncserver would first look
 * for one's first four bytes, and look for ever when only three come. So it
 * meets a pair of sockets that has four, and the viewer is put in its place
 * before anything is read.
 */
static rfbClientPtr new_client(struct vnc *vnc, int fd)
{
	rfbClientPtr client = NULL;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		close(fd);
		return NULL;
	}
	if (pair[0] < FD_SETSIZE && send(pair[1], VERSION, 4, 0) == 4)
		client = rfbNewClient(vnc->screen, pair[0]);
	else
		close(pair[0]);
	if (client) {
		/* what it was greeted with stays in the pair */
		send(fd, VERSION, strlen(VERSION), MSG_NOSIGNAL);
		dup3(fd, pair[0], O_CLOEXEC);
	}
	close(pair[1]);
	close(fd);
	return client;
}

/* From here on the descriptor is libvncserver's. */
static void become_viewer(struct vnc *vnc, struct vnc_peer *peer,
			  bool is_websocket)
{
	rfbClientPtr client;
	int fd = peer->fd;

	/* between two numbers: nobody may shut it down */
	pthread_mutex_lock(&vnc->lock);
	peer->fd = -1;
	pthread_mutex_unlock(&vnc->lock);
	client = is_websocket ? rfbNewClient(vnc->screen, fd)
			      : new_client(vnc, fd);
	pthread_mutex_lock(&vnc->lock);
	if (!client) {
		*peer = (struct vnc_peer){.fd = -1};
	} else {
		client->clientFramebufferUpdateRequestHook = look_at_request;
		client->clientData = peer;
		peer->client = client;
		peer->fd = client->sock;
		peer->stage = VNC_VIEWER;
		peer->is_websocket = is_websocket;
		peer->deadline_ns = vnc_now_ns() + HANDSHAKE_NS;
		peer->look_again_ns = 0;
	}
	pthread_mutex_unlock(&vnc->lock);
}

static void answer(struct vnc *vnc, struct vnc_peer *peer, const char *text,
		   size_t bytes)
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
	peer->answer = text;
	peer->answer_bytes = bytes;
	peer->look_again_ns = 0;
	peer->deadline_ns = vnc_now_ns() + REQUEST_NS;
}

static void serve_fresh(struct vnc *vnc, struct vnc_peer *peer)
{
	char text[VNC_REQUEST_BYTES + 1];
	ssize_t len = recv(peer->fd, text, sizeof(text) - 1, MSG_PEEK);
	bool is_silent = len < 0 && (errno == EAGAIN || errno == EINTR);

	if (is_silent) {
		if (vnc_now_ns() >= peer->look_again_ns)
			become_viewer(vnc, peer, false);
		return;
	}
	if (len <= 0) {
		vnc_peer_end(vnc, peer);
		return;
	}
	text[len] = '\0';
	switch (vnc_request_parse(text, (size_t)len, vnc->options.web)) {
	case VNC_REQUEST_PARTIAL:
		peer->look_again_ns = vnc_now_ns() + LOOK_AGAIN_NS;
		break;
	case VNC_REQUEST_VNC:
		become_viewer(vnc, peer, false);
		break;
	case VNC_REQUEST_WEBSOCKET:
		become_viewer(vnc, peer, true);
		break;
	case VNC_REQUEST_PAGE:
		answer(vnc, peer, vnc->page, vnc->page_bytes);
		break;
	case VNC_REQUEST_OTHER:
		answer(vnc, peer, vnc_not_found, strlen(vnc_not_found));
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
		peer->deadline_ns = vnc_now_ns() + REQUEST_NS;
	}
	if (sent <= 0 || peer->sent_bytes == peer->answer_bytes)
		vnc_peer_end(vnc, peer);
}

/* Bytes of the message that a viewer's handshake waits for. */
static int wanted_bytes(const struct vnc_peer *peer)
{
	switch (peer->client->state) {
	case RFB_PROTOCOL_VERSION:
		return sz_rfbProtocolVersionMsg;
	case RFB_AUTHENTICATION:
		return CHALLENGESIZE;
	default:
		return 1;
	}
}

static bool has_enough(const struct vnc_peer *peer)
{
	int there = 0;

	/* frames of a WebSocket are not counted so */
	if (peer->client->state == RFB_NORMAL || peer->is_websocket)
		return true;
	return ioctl(peer->fd, FIONREAD, &there) == 0 &&
	       there >= wanted_bytes(peer);
}

static void serve_viewer(struct vnc *vnc, struct vnc_peer *peer, short events)
{
	rfbClientPtr client = peer->client;
	bool is_over = events & (POLLHUP | POLLERR | POLLRDHUP);

	if (!has_enough(peer)) {
		peer->look_again_ns = vnc_now_ns() + LOOK_AGAIN_NS;
		if (is_over)
			vnc_peer_end(vnc, peer);
		return;
	}
	peer->look_again_ns = 0;
	do {
		/* the first message after these tells the size */
		if (!peer->may_see)
			vnc_peer_was_told_size(peer);
		rfbProcessClientMessage(client);
		if (client->state == RFB_NORMAL && !peer->may_see) {
			pthread_mutex_lock(&vnc->lock);
			peer->may_see = client->sock != RFB_INVALID_SOCKET;
			pthread_mutex_unlock(&vnc->lock);
			peer->deadline_ns = VNC_NEVER;
			/* its next message may need the picture */
			vnc_screen_follow(vnc);
		}
	} while (client->sock != RFB_INVALID_SOCKET && peer->is_websocket &&
		 webSocketsHasDataInBuffer(client));
}

void vnc_peer_serve(struct vnc *vnc, struct vnc_peer *peer, short events)
{
	if (vnc_now_ns() >= peer->deadline_ns) {
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
		if (events || peer->look_again_ns)
			serve_viewer(vnc, peer, events);
		break;
	}
	if (peer->client && peer->client->sock == RFB_INVALID_SOCKET)
		vnc_peer_end(vnc, peer);
}
