/* SPDX-License-Identifier: MIT */
/*
 * Bounds of messages.
 *
 * The types are those of RFC 6143, and those that libvncserver offers: scaling
 * (UltraVNC's, PalmVNC's) and a request for another size. Others that it
 * knows, such as file transfer and chat, are refused.
 */
#include "vnc/message.h"

#include <errno.h>

enum {
	SET_PIXEL_FORMAT = 0,
	SET_ENCODINGS = 2,
	UPDATE_REQUEST = 3,
	KEY = 4,
	POINTER = 5,
	CLIPBOARD = 6,
	SET_SCALE = 8,
	PALM_SET_SCALE = 15,
	SET_DESKTOP_SIZE = 251,
};

#define CLIPBOARD_HEAD 8

/* WebSocket, RFC 6455 */
#define IS_LAST	      0x80
#define RESERVED_BITS 0x70
#define OPCODE	      0x0f
#define IS_MASKED     0x80
#define LENGTH_16     126
#define LENGTH_64     127
#define MASK_BYTES    4
#define MAX_CONTROL   125
enum {
	OP_CONTINUED = 0,
	OP_BINARY = 2,
	OP_PING = 9,
	OP_PONG = 10
};

static uint32_t get(const uint8_t *bytes, unsigned int n)
{
	uint32_t value = 0;

	while (n--)
		value = value << 8 | *bytes++;
	return value;
}

/*
 * The length of a message of @head bytes and @count times @each; 0:
 * incomplete.
 */
static int whole(size_t len, size_t head, size_t count, size_t each,
		 struct vnc_message *ret)
{
	size_t bytes = head + count * each;

	if (bytes > VNC_MAX_MESSAGE)
		return -EPROTO;
	if (len < bytes)
		return 0;
	*ret = (struct vnc_message){.bytes = bytes};
	return 1;
}

static int clipboard(const uint8_t *bytes, size_t len, struct vnc_message *ret)
{
	uint32_t text_bytes;

	if (len < CLIPBOARD_HEAD)
		return 0;
	text_bytes = get(bytes + 4, 4);
	/* lengths of the extended clipboard are negative */
	if (text_bytes > INT32_MAX)
		text_bytes = -text_bytes;
	if (text_bytes > VNC_MAX_CLIPBOARD)
		return -EPROTO;
	*ret = (struct vnc_message){.skip_bytes = CLIPBOARD_HEAD +
						  (uint64_t)text_bytes};
	return 1;
}

int vnc_message_bounds(const uint8_t *bytes, size_t len,
		       struct vnc_message *ret)
{
	if (!len)
		return 0;
	switch (bytes[0]) {
	case SET_PIXEL_FORMAT:
		return whole(len, 20, 0, 0, ret);
	case SET_ENCODINGS:
		return len < 4 ? 0 : whole(len, 4, get(bytes + 2, 2), 4, ret);
	case UPDATE_REQUEST:
		return whole(len, 10, 0, 0, ret);
	case KEY:
		return whole(len, 8, 0, 0, ret);
	case POINTER:
		return whole(len, 6, 0, 0, ret);
	case CLIPBOARD:
		return clipboard(bytes, len, ret);
	case SET_SCALE:
	case PALM_SET_SCALE:
		return whole(len, 4, 0, 0, ret);
	case SET_DESKTOP_SIZE:
		return len < 8 ? 0 : whole(len, 8, bytes[6], 16, ret);
	default:
		return -EPROTO;
	}
}

/* The length of a frame's header, 0 while it is incomplete. */
static int read_header(struct vnc_websocket *ws, const uint8_t *raw, size_t len)
{
	unsigned int opcode;
	size_t bytes = 2;

	if (len < bytes)
		return 0;
	opcode = raw[0] & OPCODE;
	ws->is_data = opcode == OP_CONTINUED || opcode == OP_BINARY;
	ws->left_bytes = raw[1] & ~IS_MASKED & 0xff;
	if ((raw[0] & RESERVED_BITS) || !(raw[1] & IS_MASKED) ||
	    (!ws->is_data && ((opcode != OP_PING && opcode != OP_PONG) ||
			      ws->left_bytes > MAX_CONTROL)))
		return -EPROTO;
	bytes += ws->left_bytes == LENGTH_64   ? 8
		 : ws->left_bytes == LENGTH_16 ? 2
					       : 0;
	if (len < bytes + MASK_BYTES) {
		ws->left_bytes = 0;
		return 0;
	}
	if (ws->left_bytes == LENGTH_16)
		ws->left_bytes = get(raw + 2, 2);
	else if (ws->left_bytes == LENGTH_64)
		ws->left_bytes =
			(uint64_t)get(raw + 2, 4) << 32 | get(raw + 6, 4);
	for (unsigned int i = 0; i < MASK_BYTES; i++)
		ws->mask[i] = raw[bytes + i];
	ws->mask_at = 0;
	return (int)(bytes + MASK_BYTES);
}

static size_t least(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

/* Unmask @n bytes of a frame, or skip them; returns how many went to @to. */
static size_t take_content(struct vnc_websocket *ws, const uint8_t *raw,
			   size_t n, uint8_t *to)
{
	ws->left_bytes -= n;
	if (!ws->is_data)
		return 0;
	for (size_t i = 0; i < n; i++)
		to[i] = raw[i] ^ ws->mask[ws->mask_at++ & 3];
	return n;
}

int vnc_websocket_read(struct vnc_websocket *ws, const uint8_t *raw, size_t len,
		       uint8_t *to, size_t room, size_t *ret_len)
{
	size_t used = 0, put = 0;

	while (used < len) {
		size_t n;

		if (!ws->left_bytes) {
			int head = read_header(ws, raw + used, len - used);

			if (head < 0)
				return head;
			if (!head)
				break;
			used += (size_t)head;
			continue;
		}
		n = least(ws->left_bytes, len - used);
		if (ws->is_data)
			n = least(n, room - put);
		if (!n)
			break;
		put += take_content(ws, raw + used, n, to + put);
		used += n;
	}
	*ret_len = put;
	return (int)used;
}

size_t vnc_websocket_header(uint8_t header[VNC_WEBSOCKET_HEADER], size_t len)
{
	header[0] = IS_LAST | OP_BINARY;
	if (len <= MAX_CONTROL) {
		header[1] = (uint8_t)len;
		return 2;
	}
	header[1] = LENGTH_16;
	header[2] = (uint8_t)(len >> 8);
	header[3] = (uint8_t)len;
	return 4;
}
