/* SPDX-License-Identifier: MIT */
/*
 * Between a viewer and libvncserver; vnc/link.h.
 *
 * A message goes through a pair of sockets, and so do the few bytes that
 * libvncserver answers it with, perhaps before it has read all of it. An
 * update does not fit there: while it is made, the box takes the place of
 * libvncserver's end of the pair.
 */
#include "vnc/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION	   "RFB 003.008\n"
#define KEPT_BYTES (UINT64_C(512) << 10)

/*
 * libvncserver first looks for a WebSocket's first four bytes: there are four,
 * or all of the request, so that it waits for nothing. What it leaves of them
 * is thrown away; its greeting is sent as it is.
 */
static int greet(struct vnc_link *link, rfbScreenInfoPtr screen,
		 const char *request, rfbClientPtr *ret)
{
	size_t len = request ? strlen(request) : 4;
	ssize_t got = send(link->our_fd, request ? request : VERSION, len, 0);
	int fd = fcntl(link->their_fd, F_DUPFD_CLOEXEC, 0);
	rfbClientPtr client;

	/* libvncserver uses select */
	if (fd < 0 || fd >= FD_SETSIZE || got != (ssize_t)len) {
		if (fd >= 0)
			close(fd);
		return -EMFILE;
	}
	client = rfbNewClient(screen, fd);
	if (!client)
		return -EPROTO;
	while (recv(fd, link->in, sizeof(link->in), MSG_DONTWAIT) > 0)
		;
	got = recv(link->our_fd, link->out, sizeof(link->out), MSG_DONTWAIT);
	link->out_len = got > 0 ? (size_t)got : 0;
	*ret = client;
	return 0;
}

int vnc_link_open(rfbScreenInfoPtr screen, const char *request,
		  struct vnc_link **ret_link, rfbClientPtr *ret_client)
{
	struct vnc_link *link = calloc(1, sizeof(*link));
	int pair[2] = {-1, -1};
	int ret = 0;

	if (!link)
		return -ENOMEM;
	link->box_fd = memfd_create("smudge-vnc", MFD_CLOEXEC);
	if (link->box_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		ret = -errno;
	link->our_fd = pair[0];
	link->their_fd = pair[1];
	if (ret == 0)
		ret = greet(link, screen, request, ret_client);
	if (ret < 0) {
		vnc_link_close(link);
		return ret;
	}
	/* from here on the frames are put on and taken off here */
	link->is_websocket = request != NULL;
	free((*ret_client)->wsctx);
	(*ret_client)->wsctx = NULL;
	*ret_link = link;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void vnc_link_close(struct vnc_link *link)
{
	if (!link)
		return;
	close_if_open(link->box_fd);
	close_if_open(link->our_fd);
	close_if_open(link->their_fd);
	free(link);
}

bool vnc_link_is_empty(const struct vnc_link *link)
{
	return link->out_at == link->out_len && !link->box_bytes;
}

bool vnc_link_is_held(const struct vnc_link *link)
{
	return link->answer_bytes >= VNC_MAX_ANSWERS;
}

bool vnc_link_may_read(const struct vnc_link *link)
{
	return !vnc_link_is_held(link) && link->in_len < sizeof(link->in) &&
	       link->raw_len < sizeof(link->raw);
}

static void drop_front(uint8_t *bytes, size_t *len, size_t n)
{
	*len -= n;
	memmove(bytes, bytes + n, *len);
}

/* Frames to messages, as far as there is room. */
static int unwrap(struct vnc_link *link)
{
	size_t got;
	int used = vnc_websocket_read(&link->ws, link->raw, link->raw_len,
				      link->in + link->in_len,
				      sizeof(link->in) - link->in_len, &got);

	if (used < 0)
		return used;
	link->in_len += got;
	drop_front(link->raw, &link->raw_len, (size_t)used);
	return 0;
}

int vnc_link_read(struct vnc_link *link, int fd)
{
	uint8_t *to = link->is_websocket ? link->raw : link->in;
	size_t *len = link->is_websocket ? &link->raw_len : &link->in_len;
	ssize_t got = recv(fd, to + *len, VNC_MAX_MESSAGE - *len, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!got)
		return -ECONNRESET;
	*len += (size_t)got;
	return 0;
}

/* The next piece of the box, in a frame of its own. 1, 0: none, -errno. */
static int fill_out(struct vnc_link *link)
{
	size_t room = sizeof(link->out) - VNC_WEBSOCKET_HEADER;
	uint64_t left = link->box_bytes - link->box_at;
	size_t n = left < room ? (size_t)left : room;
	size_t head = 0;
	uint64_t kept;

	if (!n)
		return 0;
	if (link->is_websocket)
		head = vnc_websocket_header(link->out, n);
	if (pread(link->box_fd, link->out + head, n, (off_t)link->box_at) !=
	    (ssize_t)n)
		return -EIO;
	link->out_at = 0;
	link->out_len = head + n;
	link->box_at += n;
	if (link->box_at < link->box_bytes)
		return 1;
	kept = link->box_bytes < KEPT_BYTES ? link->box_bytes : KEPT_BYTES;
	link->box_at = link->box_bytes = link->answer_bytes = 0;
	/* its pages are used again, up to a point */
	return ftruncate(link->box_fd, (off_t)kept) < 0 ? -errno : 1;
}

ssize_t vnc_link_write(struct vnc_link *link, int fd)
{
	ssize_t sent = 0;

	for (;;) {
		ssize_t n = link->out_at < link->out_len ? 1 : fill_out(link);

		if (n <= 0)
			return n < 0 ? n : sent;
		n = send(fd, link->out + link->out_at,
			 link->out_len - link->out_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? sent : -errno;
		if (n > 0) {
			link->out_at += (size_t)n;
			sent += n;
		}
	}
}

/* What libvncserver answered goes behind what waits. */
static int take_answers(struct vnc_link *link)
{
	uint8_t some[4096];
	ssize_t got;

	while ((got = recv(link->our_fd, some, sizeof(some), MSG_DONTWAIT)) >
	       0) {
		if (pwrite(link->box_fd, some, (size_t)got,
			   (off_t)link->box_bytes) != got)
			return -EIO;
		link->box_bytes += (uint64_t)got;
		link->answer_bytes += (uint64_t)got;
	}
	return 0;
}

static int pass(struct vnc_link *link, rfbClientPtr client, size_t len)
{
	int left = 0;
	int ret;

	if (send(link->our_fd, link->in, len, MSG_DONTWAIT) != (ssize_t)len)
		return -EIO;
	drop_front(link->in, &link->in_len, len);
	rfbProcessClientMessage(client);
	ret = take_answers(link);
	/* not all was read: nobody knows where it stands */
	if (ret == 0 && (ioctl(link->their_fd, FIONREAD, &left) < 0 || left))
		ret = -EPROTO;
	return ret;
}

/* Of a handshake, which has no clipboards. */
static int handshake_bytes(const struct vnc_link *link, int state)
{
	size_t bytes = 1;

	if (state == RFB_PROTOCOL_VERSION)
		bytes = sz_rfbProtocolVersionMsg;
	else if (state == RFB_AUTHENTICATION)
		bytes = CHALLENGESIZE;
	return link->in_len < bytes ? 0 : (int)bytes;
}

static int next_message(struct vnc_link *link, int state,
			struct vnc_message *ret)
{
	size_t skipped = link->in_len;

	if (link->skip_bytes < skipped)
		skipped = (size_t)link->skip_bytes;
	link->skip_bytes -= skipped;
	drop_front(link->in, &link->in_len, skipped);
	if (state == RFB_NORMAL)
		return vnc_message_bounds(link->in, link->in_len, ret);
	*ret = (struct vnc_message){
		.bytes = (size_t)handshake_bytes(link, state)};
	return ret->bytes > 0;
}

int vnc_link_pass(struct vnc_link *link, rfbClientPtr client)
{
	struct vnc_message message;
	int ret = 0;

	if (link->is_websocket)
		ret = unwrap(link);
	if (ret < 0 || vnc_link_is_held(link))
		return ret;
	ret = next_message(link, (int)client->state, &message);
	if (ret <= 0)
		return ret;
	link->skip_bytes = message.skip_bytes;
	if (!message.bytes)
		return 1;
	ret = pass(link, client, message.bytes);
	return ret < 0 ? ret : 1;
}

int vnc_link_update(struct vnc_link *link, rfbClientPtr client)
{
	int fd = client->sock;
	off_t end;

	if (dup3(link->box_fd, fd, O_CLOEXEC) < 0 ||
	    lseek(link->box_fd, 0, SEEK_SET) < 0)
		return -EIO;
	rfbUpdateClient(client);
	end = lseek(link->box_fd, 0, SEEK_CUR);
	link->box_bytes = end > 0 ? (uint64_t)end : 0;
	/* closed if something went wrong */
	if (client->sock != RFB_INVALID_SOCKET &&
	    dup3(link->their_fd, fd, O_CLOEXEC) < 0)
		return -EIO;
	return 0;
}
