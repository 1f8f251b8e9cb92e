/* SPDX-License-Identifier: MIT */
/*
 * Connections of the VNC server: what is sent to them, and their end. serve.c
 * accepts them and reads what they send.
 *
 * Nobody is waited for: what a peer does not take waits in its link
 * (vnc/link.h). A viewer that takes nothing for STALL_NS is dropped.
 */
#include "vnc/link.h"

#include <unistd.h>

#include "base/host.h"

#define STALL_NS (5000 * VNC_NS_MS)

void vnc_peer_end(struct vnc *vnc, struct vnc_peer *peer)
{
	rfbClientPtr client = peer->client;
	struct vnc_link *link = peer->link;
	int fd = peer->fd;

	pthread_mutex_lock(&vnc->lock);
	*peer = (struct vnc_peer){.fd = -1};
	pthread_mutex_unlock(&vnc->lock);
	if (client) {
		/* why it is refused may be the last thing written */
		vnc_link_write(link, fd);
		if (client->sock != RFB_INVALID_SOCKET)
			rfbCloseClient(client);
		rfbClientConnectionGone(client);
	}
	vnc_link_close(link);
	close(fd);
}

bool vnc_peer_is_over(const struct vnc_peer *peer)
{
	return peer->client && peer->client->sock == RFB_INVALID_SOCKET;
}

void vnc_peer_send(struct vnc *vnc, struct vnc_peer *peer)
{
	ssize_t sent = vnc_link_write(peer->link, peer->fd);

	if (sent < 0) {
		vnc_peer_end(vnc, peer);
		return;
	}
	/* a handshake has a deadline of its own */
	if (!peer->may_see)
		return;
	if (vnc_link_is_empty(peer->link))
		peer->deadline_ns = VNC_NEVER;
	else if (sent || peer->deadline_ns == VNC_NEVER)
		peer->deadline_ns = host_now_ns() + STALL_NS;
}

void vnc_peer_was_told_size(struct vnc_peer *peer)
{
	peer->told_width = (uint16_t)peer->client->screen->width;
	peer->told_height = (uint16_t)peer->client->screen->height;
}

rfbBool vnc_peer_check_password(rfbClientPtr client, const char *response,
				int len)
{
	struct vnc *vnc = client->screen->screenData;
	struct vnc_peer *peer = client->clientData;
	rfbBool is_right = rfbCheckPasswordByList(client, response, len);

	vnc_guess_note(&vnc->guesses, peer->address, is_right, host_now_ns());
	return is_right;
}
