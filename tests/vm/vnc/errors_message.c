/* SPDX-License-Identifier: MIT */
/*
 * The ends of a viewer's messages and of its WebSocket's frames: cut at every
 * byte, too long, of kinds that are not accepted.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vnc/message.h"

struct example {
	const char *name;
	uint8_t head[8];
	size_t head_bytes; /* with these the end is known */
	size_t bytes;	   /* passed on */
	uint64_t skip_bytes;
};

static const struct example examples[] = {
	{"SetPixelFormat", {0}, 1, 20, 0},
	{"SetEncodings, none", {2}, 4, 4, 0},
	{"SetEncodings, 258", {2, 0, 1, 2}, 4, 4 + 258 * 4, 0},
	{"SetEncodings, the most", {2, 0, 7, 255}, 4, 8192, 0},
	{"FramebufferUpdateRequest", {3}, 1, 10, 0},
	{"KeyEvent", {4}, 1, 8, 0},
	{"PointerEvent", {5}, 1, 6, 0},
	{"SetScale", {8, 2}, 1, 4, 0},
	{"PalmVNC's", {15, 2}, 1, 4, 0},
	{"SetDesktopSize, 255", {251, 0, 0, 0, 0, 0, 255}, 8, 4088, 0},
	{"ClientCutText", {6, 0, 0, 0, 0, 0, 1, 4}, 8, 0, 8 + 260},
	{"the longest", {6, 0, 0, 0, 0, 0x10, 0, 0}, 8, 0, 8 + (1 << 20)},
	{"extended", {6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8}, 8, 0, 8 + 8},
};

static void test_every_message_has_its_end(void **state)
{
	static uint8_t bytes[VNC_MAX_MESSAGE];
	struct vnc_message found;
	size_t len;

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		size_t enough = e->bytes ? e->bytes : e->head_bytes;

		memcpy(bytes, e->head, sizeof(e->head));
		for (len = 0; len < enough; len++)
			assert_int_equal(vnc_message_bounds(bytes, len, &found),
					 0);
		for (; len <= sizeof(bytes); len++) {
			if (vnc_message_bounds(bytes, len, &found) != 1 ||
			    found.bytes != e->bytes ||
			    found.skip_bytes != e->skip_bytes)
				fail_msg("%s of %zu bytes", e->name, len);
		}
	}
}

static void test_others_are_refused(void **state)
{
	static const uint8_t too_long[][8] = {
		{2, 0, 8, 0},			      /* 2048 encodings */
		{2, 0, 255, 255},		      /* 65535 */
		{6, 0, 0, 0, 0, 0x10, 0, 1},	      /* above 1 MiB */
		{6, 0, 0, 0, 0xff, 0xef, 0xff, 0xff}, /* the same, extended */
		{6, 0, 0, 0, 0x80, 0, 0, 0},
	};
	struct vnc_message found;

	for (size_t i = 0; i < sizeof(too_long) / sizeof(too_long[0]); i++)
		assert_int_equal(vnc_message_bounds(too_long[i], 8, &found),
				 -EPROTO);
	for (unsigned int type = 0; type < 256; type++) {
		uint8_t bytes[1] = {(uint8_t)type};
		bool is_known = false;

		for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]);
		     i++)
			is_known = is_known || examples[i].head[0] == type;
		assert_int_equal(vnc_message_bounds(bytes, 1, &found),
				 is_known ? 0 : -EPROTO);
	}
}

/* A masked frame; returns its end. */
static uint8_t *put_frame(uint8_t *to, unsigned int opcode, size_t len,
			  unsigned int length_bytes, uint8_t first)
{
	*to++ = (uint8_t)(0x80 | opcode);
	*to++ = (uint8_t)(0x80 | (length_bytes == 8   ? 127
				  : length_bytes == 2 ? 126
						      : len));
	while (length_bytes--)
		*to++ = (uint8_t)(length_bytes < 4 ? len >> (8 * length_bytes)
						   : 0);
	memcpy(to, "\x11\x22\x33\x44", 4);
	for (size_t i = 0; i < len; i++)
		to[4 + i] = (uint8_t)((first + i) ^ to[i & 3]);
	return to + 4 + len;
}

/*
 * However the frames are cut, and however little room there is, the bytes are
 * the same.
 */
static void test_frames_are_taken_off_however_cut(void **state)
{
	uint8_t raw[1024], found[1024];
	uint8_t *end = raw;

	end = put_frame(end, 2, 5, 0, 0);
	end = put_frame(end, 2, 0, 0, 0);
	end = put_frame(end, 9, 3, 0, 200); /* a ping: not data */
	end = put_frame(end, 0, 120, 2, 5);
	end = put_frame(end, 10, 0, 0, 0);
	end = put_frame(end, 2, 70, 8, 125);
	for (size_t step = 1; step < (size_t)(end - raw) + 1; step++) {
		for (size_t room = 1; room < 64; room += 7) {
			struct vnc_websocket ws = {0};
			size_t at = 0, there = 0, n = 0, got;

			while (n < 195) {
				int used = vnc_websocket_read(
					&ws, raw + at, there - at, found + n,
					room, &got);

				assert_true(used >= 0 && got <= room);
				at += (size_t)used;
				n += got;
				if (!used && !got) {
					assert_true(there <
						    (size_t)(end - raw));
					there += step;
				}
				if (there > (size_t)(end - raw))
					there = (size_t)(end - raw);
			}
			assert_int_equal(at, end - raw);
			for (n = 0; n < 195; n++)
				assert_int_equal(found[n], n);
		}
	}
}

static void test_frames_that_no_browser_sends(void **state)
{
	static const uint8_t bad[][2] = {
		{0x82, 0x05},		    /* not masked */
		{0xc2, 0x85},		    /* a reserved bit */
		{0x81, 0x85},		    /* text */
		{0x88, 0x80},		    /* the end */
		{0x83, 0x80}, {0x89, 0xfe}, /* a ping of 16 bits' length */
	};
	uint8_t to[16];
	size_t got;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vnc_websocket ws = {0};

		assert_int_equal(vnc_websocket_read(&ws, bad[i], 2, to,
						    sizeof(to), &got),
				 -EPROTO);
	}
}

static void test_headers_of_frames(void **state)
{
	uint8_t header[VNC_WEBSOCKET_HEADER];

	assert_int_equal(vnc_websocket_header(header, 1), 2);
	assert_memory_equal(header, "\x82\x01", 2);
	assert_int_equal(vnc_websocket_header(header, 125), 2);
	assert_memory_equal(header, "\x82\x7d", 2);
	assert_int_equal(vnc_websocket_header(header, 126), 4);
	assert_memory_equal(header, "\x82\x7e\x00\x7e", 4);
	assert_int_equal(vnc_websocket_header(header, 65535), 4);
	assert_memory_equal(header, "\x82\x7e\xff\xff", 4);
}

TEST_MAIN(test_every_message_has_its_end, test_others_are_refused,
	  test_frames_are_taken_off_however_cut,
	  test_frames_that_no_browser_sends, test_headers_of_frames)
