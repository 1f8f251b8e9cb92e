/* SPDX-License-Identifier: MIT */
/*
 * The bounds of what a viewer sends: whole messages of VNC, and the frames of
 * a WebSocket around them. The bytes are hostile. Nothing is stored here, and
 * nothing waits.
 */
#ifndef VM_VNC_MESSAGE_H
#define VM_VNC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No message that is passed on is longer. */
#define VNC_MAX_MESSAGE 8192

/* A longer clipboard ends the viewer. */
#define VNC_MAX_CLIPBOARD (UINT32_C(1) << 20)

struct vnc_message {
	size_t bytes;	     /* passed on; 0 for the head of a clipboard */
	uint64_t skip_bytes; /* then thrown away as they come */
};

/*
 * vnc_message_bounds - the first message of what a viewer sent
 * @bytes, @len: the part that has arrived
 * @ret: written when 1 is returned
 *
 * For messages after the handshake. Clipboards, which no guest gets, are
 * skipped.
 * Return: 1, 0 (its end is not known yet: read more; never when @len is
 * VNC_MAX_MESSAGE), or -EPROTO (a message that viewers may not send).
 */
int vnc_message_bounds(const uint8_t *bytes, size_t len,
		       struct vnc_message *ret);

/* The state of a WebSocket's reader; begins as zeros. */
struct vnc_websocket {
	uint64_t left_bytes; /* of the present frame */
	bool is_data;	     /* else its bytes are thrown away */
	uint8_t mask[4];
	unsigned int mask_at;
};

/*
 * vnc_websocket_read - remove the frames
 * @raw, @len: bytes that have arrived
 * @to, @room: receives the frames' content
 * @ret_len: receives the length of that content
 *
 * Pings, which browsers do not send, are not answered.
 * Return: how many bytes of @raw were used, or -EPROTO (not a browser's frame,
 * or a frame that closes).
 */
int vnc_websocket_read(struct vnc_websocket *ws, const uint8_t *raw, size_t len,
		       uint8_t *to, size_t room, size_t *ret_len);

#define VNC_WEBSOCKET_HEADER 4

/* The header of a frame of @len bytes, at most 65535; returns its length. */
size_t vnc_websocket_header(uint8_t header[VNC_WEBSOCKET_HEADER], size_t len);

#endif
