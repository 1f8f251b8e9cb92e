/* SPDX-License-Identifier: MIT */
/*
 * What a viewer sends, as far as its bounds: whole messages of VNC, and the
 * frames of a WebSocket around them. Bytes come from strangers; nothing is
 * kept here, and nothing waits.
 */
#ifndef VM_VNC_MESSAGE_H
#define VM_VNC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No message that is passed on is longer. */
#define VNC_MAX_MESSAGE 8192

/* More of a clipboard ends a viewer. */
#define VNC_MAX_CLIPBOARD (UINT32_C(1) << 20)

struct vnc_message {
	size_t bytes;	     /* passed on; 0 with a clipboard's head */
	uint64_t skip_bytes; /* and these are thrown away, as they come */
};

/*
 * vnc_message_bounds - the first message of what a viewer sent
 * @bytes, @len: what there is of it
 * @ret: written when 1 is returned
 *
 * Messages after the handshake. Clipboards, which no guest gets, are skipped.
 * Return: 1, 0 (its end is not known yet: read on; never when @len is
 * VNC_MAX_MESSAGE), or -EPROTO (a message that is not taken from viewers).
 */
int vnc_message_bounds(const uint8_t *bytes, size_t len,
		       struct vnc_message *ret);

/* Where a WebSocket's reader stands; zeros at first. */
struct vnc_websocket {
	uint64_t left_bytes; /* of the present frame */
	bool is_data;	     /* else they are thrown away */
	uint8_t mask[4];
	unsigned int mask_at;
};

/*
 * vnc_websocket_read - take the frames off
 * @raw, @len: bytes that came
 * @to, @room: receives what is in the frames
 * @ret_len: receives how much that is
 *
 * Pings, which browsers do not send, are not answered.
 * Return: how many of @raw are used up, or -EPROTO (no frame of a browser, or
 * its goodbye).
 */
int vnc_websocket_read(struct vnc_websocket *ws, const uint8_t *raw, size_t len,
		       uint8_t *to, size_t room, size_t *ret_len);

#define VNC_WEBSOCKET_HEADER 4

/* The header of a frame of @len bytes, at most 65535; returns its length. */
size_t vnc_websocket_header(uint8_t header[VNC_WEBSOCKET_HEADER], size_t len);

#endif
