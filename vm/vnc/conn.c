/* SPDX-License-Identifier: MIT */
/*
 * Connections of the VNC server: sending, and the end. serve.c accepts them
 * and reads from them.
 *
 * Nothing here waits: what a connection does not take stays in its buffer
 * (vnc/buffer.h). A viewer that takes nothing for STALL_NS is disconnected.
 */
#include "vnc/buffer.h"

#include <unistd.h>

#include "base/host.h"

#define STALL_NS (5000 * VNC_NS_MS)

void vnc_conn_end(struct vnc *vnc, struct vnc_conn *conn)
{
	rfbClientPtr client = conn->client;
	struct vnc_buffer *buffer = conn->buffer;
	int fd = conn->fd;

	pthread_mutex_lock(&vnc->lock);
	*conn = (struct vnc_conn){.fd = -1};
	pthread_mutex_unlock(&vnc->lock);
	if (client) {
		/* the reason of a refusal may be the last thing written */
		vnc_buffer_write(buffer, fd);
		if (client->sock != RFB_INVALID_SOCKET)
			rfbCloseClient(client);
		rfbClientConnectionGone(client);
	}
	vnc_buffer_close(buffer);
	close(fd);
}

bool vnc_conn_is_over(const struct vnc_conn *conn)
{
	return conn->client && conn->client->sock == RFB_INVALID_SOCKET;
}

void vnc_conn_send(struct vnc *vnc, struct vnc_conn *conn)
{
	ssize_t sent = vnc_buffer_write(conn->buffer, conn->fd);

	if (sent < 0) {
		vnc_conn_end(vnc, conn);
		return;
	}
	/* a handshake has a deadline of its own */
	if (!conn->is_authenticated)
		return;
	if (vnc_buffer_is_empty(conn->buffer))
		conn->deadline_ns = VNC_NEVER;
	else if (sent || conn->deadline_ns == VNC_NEVER)
		conn->deadline_ns = host_now_ns() + STALL_NS;
}

void vnc_conn_note_size(struct vnc_conn *conn)
{
	conn->known_width = (uint16_t)conn->client->screen->width;
	conn->known_height = (uint16_t)conn->client->screen->height;
}

rfbBool vnc_conn_check_password(rfbClientPtr client, const char *response,
				int len)
{
	struct vnc *vnc = client->screen->screenData;
	struct vnc_conn *conn = client->clientData;
	rfbBool is_right = rfbCheckPasswordByList(client, response, len);

	vnc_guess_note(&vnc->guesses, conn->address, is_right, host_now_ns());
	return is_right;
}
