/* SPDX-License-Identifier: MIT */
/*
 * The buffers between a viewer and libvncserver.
 *
 * A message goes through a pair of sockets, and so do the few bytes that
 * libvncserver answers it with, perhaps before it has read all of it. An
 * update does not fit there: while it is made, the output buffer replaces
 * libvncserver's end of the pair.
 */
#include "vnc/buffer.h"

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
 * Let libvncserver create its client. It first reads four bytes, to recognise
 * a WebSocket. They are there (four, or all of the request), so it does not
 * wait. What it leaves of them is thrown away; its greeting is sent unchanged.
 */
static int greet(struct vnc_buffer *buffer, rfbScreenInfoPtr screen,
		 const char *request, rfbClientPtr *ret)
{
	size_t len = request ? strlen(request) : 4;
	ssize_t got = send(buffer->our_fd, request ? request : VERSION, len, 0);
	int fd = fcntl(buffer->their_fd, F_DUPFD_CLOEXEC, 0);
	rfbClientPtr client;

	/*
	 * libvncserver uses select, which takes descriptors up to FD_SETSIZE
	 */
	if (fd < 0 || fd >= FD_SETSIZE || got != (ssize_t)len) {
		if (fd >= 0)
			close(fd);
		return -EMFILE;
	}
	client = rfbNewClient(screen, fd);
	if (!client)
		return -EPROTO;
	while (recv(fd, buffer->in, sizeof(buffer->in), MSG_DONTWAIT) > 0)
		;
	got = recv(buffer->our_fd, buffer->piece, sizeof(buffer->piece),
		   MSG_DONTWAIT);
	buffer->piece_len = got > 0 ? (size_t)got : 0;
	*ret = client;
	return 0;
}

int vnc_buffer_open(rfbScreenInfoPtr screen, const char *request,
		    struct vnc_buffer **ret_buffer, rfbClientPtr *ret_client)
{
	struct vnc_buffer *buffer = calloc(1, sizeof(*buffer));
	int pair[2] = {-1, -1};
	int ret = 0;

	if (!buffer)
		return -ENOMEM;
	buffer->output_fd = memfd_create("smudge-vnc", MFD_CLOEXEC);
	if (buffer->output_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		ret = -errno;
	buffer->our_fd = pair[0];
	buffer->their_fd = pair[1];
	if (ret == 0)
		ret = greet(buffer, screen, request, ret_client);
	if (ret < 0) {
		vnc_buffer_close(buffer);
		return ret;
	}
	/* from here on this file adds and removes the frames */
	buffer->is_websocket = request != NULL;
	free((*ret_client)->wsctx);
	(*ret_client)->wsctx = NULL;
	*ret_buffer = buffer;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void vnc_buffer_close(struct vnc_buffer *buffer)
{
	if (!buffer)
		return;
	close_if_open(buffer->output_fd);
	close_if_open(buffer->our_fd);
	close_if_open(buffer->their_fd);
	free(buffer);
}

bool vnc_buffer_is_empty(const struct vnc_buffer *buffer)
{
	return buffer->piece_at == buffer->piece_len && !buffer->output_bytes;
}

bool vnc_buffer_is_held(const struct vnc_buffer *buffer)
{
	return buffer->answer_bytes >= VNC_MAX_ANSWERS;
}

bool vnc_buffer_may_read(const struct vnc_buffer *buffer)
{
	return !vnc_buffer_is_held(buffer) &&
	       buffer->in_len < sizeof(buffer->in) &&
	       buffer->raw_len < sizeof(buffer->raw);
}

static void drop_front(uint8_t *bytes, size_t *len, size_t n)
{
	*len -= n;
	memmove(bytes, bytes + n, *len);
}

/* Remove the frames of messages, as far as there is room. */
static int unwrap(struct vnc_buffer *buffer)
{
	size_t got;
	int used =
		vnc_websocket_read(&buffer->ws, buffer->raw, buffer->raw_len,
				   buffer->in + buffer->in_len,
				   sizeof(buffer->in) - buffer->in_len, &got);

	if (used < 0)
		return used;
	buffer->in_len += got;
	drop_front(buffer->raw, &buffer->raw_len, (size_t)used);
	return 0;
}

int vnc_buffer_read(struct vnc_buffer *buffer, int fd)
{
	uint8_t *to = buffer->is_websocket ? buffer->raw : buffer->in;
	size_t *len = buffer->is_websocket ? &buffer->raw_len : &buffer->in_len;
	ssize_t got = recv(fd, to + *len, VNC_MAX_MESSAGE - *len, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!got)
		return -ECONNRESET;
	*len += (size_t)got;
	return 0;
}

/*
 * The next piece of the output buffer, in a frame of its own. Return: 1, 0
 * (there is none), or -errno.
 */
static int fill_piece(struct vnc_buffer *buffer)
{
	size_t room = sizeof(buffer->piece) - VNC_WEBSOCKET_HEADER;
	uint64_t left = buffer->output_bytes - buffer->output_at;
	size_t n = left < room ? (size_t)left : room;
	size_t head = 0;
	uint64_t kept;

	if (!n)
		return 0;
	if (buffer->is_websocket)
		head = vnc_websocket_header(buffer->piece, n);
	if (pread(buffer->output_fd, buffer->piece + head, n,
		  (off_t)buffer->output_at) != (ssize_t)n)
		return -EIO;
	buffer->piece_at = 0;
	buffer->piece_len = head + n;
	buffer->output_at += n;
	if (buffer->output_at < buffer->output_bytes)
		return 1;
	kept = buffer->output_bytes < KEPT_BYTES ? buffer->output_bytes
						 : KEPT_BYTES;
	buffer->output_at = buffer->output_bytes = buffer->answer_bytes = 0;
	/* keep its pages for the next update, up to a limit */
	return ftruncate(buffer->output_fd, (off_t)kept) < 0 ? -errno : 1;
}

/* Return: how many bytes of the piece were sent, 0 for none, or -errno. */
static ssize_t send_piece(struct vnc_buffer *buffer, int fd)
{
	ssize_t n;

	do
		n = send(fd, buffer->piece + buffer->piece_at,
			 buffer->piece_len - buffer->piece_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	buffer->piece_at += (size_t)n;
	return n;
}

ssize_t vnc_buffer_write(struct vnc_buffer *buffer, int fd)
{
	ssize_t sent = 0;
	ssize_t n = 1;

	while (n > 0) {
		if (buffer->piece_at == buffer->piece_len)
			n = fill_piece(buffer);
		if (n > 0)
			n = send_piece(buffer, fd);
		if (n > 0)
			sent += n;
	}
	return n < 0 ? n : sent;
}

/* Append what libvncserver answered to the output buffer. */
static int take_answers(struct vnc_buffer *buffer)
{
	uint8_t some[4096];
	ssize_t got;

	while ((got = recv(buffer->our_fd, some, sizeof(some), MSG_DONTWAIT)) >
	       0) {
		if (pwrite(buffer->output_fd, some, (size_t)got,
			   (off_t)buffer->output_bytes) != got)
			return -EIO;
		buffer->output_bytes += (uint64_t)got;
		buffer->answer_bytes += (uint64_t)got;
	}
	return 0;
}

static int pass(struct vnc_buffer *buffer, rfbClientPtr client, size_t len)
{
	int left = 0;
	int ret;

	if (send(buffer->our_fd, buffer->in, len, MSG_DONTWAIT) != (ssize_t)len)
		return -EIO;
	drop_front(buffer->in, &buffer->in_len, len);
	rfbProcessClientMessage(client);
	ret = take_answers(buffer);
	/* not all was read: the bounds of messages are lost */
	if (ret == 0 && (ioctl(buffer->their_fd, FIONREAD, &left) < 0 || left))
		ret = -EPROTO;
	return ret;
}

/*
 * The length of a handshake's next message, 0 while it is incomplete. All
 * messages of a handshake are short, so none is skipped.
 */
static int handshake_bytes(const struct vnc_buffer *buffer, int state)
{
	size_t bytes = 1;

	if (state == RFB_PROTOCOL_VERSION)
		bytes = sz_rfbProtocolVersionMsg;
	else if (state == RFB_AUTHENTICATION)
		bytes = CHALLENGESIZE;
	return buffer->in_len < bytes ? 0 : (int)bytes;
}

static int next_message(struct vnc_buffer *buffer, int state,
			struct vnc_message *ret)
{
	size_t skipped = buffer->in_len;

	if (buffer->skip_bytes < skipped)
		skipped = (size_t)buffer->skip_bytes;
	buffer->skip_bytes -= skipped;
	drop_front(buffer->in, &buffer->in_len, skipped);
	if (state == RFB_NORMAL)
		return vnc_message_bounds(buffer->in, buffer->in_len, ret);
	*ret = (struct vnc_message){
		.bytes = (size_t)handshake_bytes(buffer, state)};
	return ret->bytes > 0;
}

int vnc_buffer_pass(struct vnc_buffer *buffer, rfbClientPtr client)
{
	struct vnc_message message;
	int ret = 0;

	if (buffer->is_websocket)
		ret = unwrap(buffer);
	if (ret < 0 || vnc_buffer_is_held(buffer))
		return ret;
	ret = next_message(buffer, (int)client->state, &message);
	if (ret <= 0)
		return ret;
	buffer->skip_bytes = message.skip_bytes;
	if (!message.bytes)
		return 1;
	ret = pass(buffer, client, message.bytes);
	return ret < 0 ? ret : 1;
}

int vnc_buffer_update(struct vnc_buffer *buffer, rfbClientPtr client)
{
	int fd = client->sock;
	off_t end;

	if (dup3(buffer->output_fd, fd, O_CLOEXEC) < 0 ||
	    lseek(buffer->output_fd, 0, SEEK_SET) < 0)
		return -EIO;
	rfbUpdateClient(client);
	end = lseek(buffer->output_fd, 0, SEEK_CUR);
	buffer->output_bytes = end > 0 ? (uint64_t)end : 0;
	/* libvncserver closes it on failure */
	if (client->sock != RFB_INVALID_SOCKET &&
	    dup3(buffer->their_fd, fd, O_CLOEXEC) < 0)
		return -EIO;
	return 0;
}
