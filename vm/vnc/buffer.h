/* SPDX-License-Identifier: MIT */
/*
 * The buffers between a viewer and libvncserver.
 *
 * libvncserver reads a message as a whole and writes an update as a whole, and
 * waits for the viewer meanwhile, on the one thread that serves all viewers.
 * So it never gets the viewer's socket. It gets whole messages, each when all
 * of it has arrived. It writes updates into a file in memory, the output
 * buffer, which takes everything at once; from there they are sent as fast as
 * the viewer takes them.
 *
 * The output buffer holds one update at most, since the next is made when it
 * is empty, and few answers to messages: once it has VNC_MAX_ANSWERS bytes of
 * them, nothing more is read from the viewer until they are sent.
 *
 * The frames of a WebSocket are removed and added here.
 */
#ifndef VM_VNC_BUFFER_H
#define VM_VNC_BUFFER_H

#include "vnc/internal.h"
#include "vnc/message.h"

#define VNC_MAX_ANSWERS 65536

struct vnc_buffer {
	int our_fd, their_fd; /* the pair; libvncserver has a copy of its end */
	int output_fd;
	uint64_t output_bytes; /* in the output buffer */
	uint64_t output_at;    /* of these were copied to `piece` */
	uint64_t answer_bytes; /* answers in it, since it was last empty */
	bool is_websocket;
	struct vnc_websocket ws;
	size_t raw_len; /* bytes of a WebSocket, with frames */
	size_t in_len;	/* messages, without frames */
	uint64_t skip_bytes;
	size_t piece_at, piece_len; /* of `piece`, which is sent next */
	uint8_t raw[VNC_MAX_MESSAGE];
	uint8_t in[VNC_MAX_MESSAGE];
	uint8_t piece[16384];
};

/*
 * vnc_buffer_open - let libvncserver greet a viewer
 * @request: of a WebSocket, all of it, or NULL
 * @ret_client: receives libvncserver's client
 *
 * Return: 0, or -errno; -EPROTO when libvncserver refuses.
 */
int vnc_buffer_open(rfbScreenInfoPtr screen, const char *request,
		    struct vnc_buffer **ret_buffer, rfbClientPtr *ret_client);
/* After libvncserver's client was freed. NULL is fine. */
void vnc_buffer_close(struct vnc_buffer *buffer);

/* Everything was sent. */
bool vnc_buffer_is_empty(const struct vnc_buffer *buffer);
/*
 * Too many answers are pending: no message is passed on before they are sent.
 */
bool vnc_buffer_is_held(const struct vnc_buffer *buffer);
/* False: nothing is read before the viewer has taken more. */
bool vnc_buffer_may_read(const struct vnc_buffer *buffer);

/* Read once from @fd. Return: 0, or -errno; -ECONNRESET at the end. */
int vnc_buffer_read(struct vnc_buffer *buffer, int fd);
/* Send what @fd takes. Return: how many bytes, or -errno. */
ssize_t vnc_buffer_write(struct vnc_buffer *buffer, int fd);

/*
 * Pass the next whole message to libvncserver. Return: 1, 0 (there is none),
 * or -errno: disconnect the viewer.
 */
int vnc_buffer_pass(struct vnc_buffer *buffer, rfbClientPtr client);
/*
 * Let libvncserver write the update that @client asked for. The output buffer
 * must be empty.
 */
int vnc_buffer_update(struct vnc_buffer *buffer, rfbClientPtr client);

#endif
