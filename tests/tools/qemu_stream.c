/* SPDX-License-Identifier: MIT */
/*
 * The reader of QEMU's stream finds the end of the devices' state, wherever
 * reads end, never reads so much that QEMU's migration would complete, and is
 * not fooled by what a guest puts into its video memory or devices.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "stream_rig.h"

#define USUAL_DEVICES 100

static void assert_whole(const struct stream_rig *rig, size_t most)
{
	struct qemu_stream *stream = qemu_stream_create(RIG_PIPE_BYTES);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	const void *state;
	size_t length;

	assert_int_equal(rig_read(rig, stream, most, &length, &err), 1);
	assert_int_equal(rig->length - length, RIG_PIPE_BYTES + 1);
	assert_int_equal(qemu_stream_room(stream), 0);
	assert_true(qemu_stream_has_stopped(stream));
	assert_int_equal(qemu_stream_verify(stream, &err), 0);
	state = qemu_stream_state(stream, &length);
	assert_int_equal(length, rig->state_length);
	assert_memory_equal(state, rig->bytes, length);
	qemu_stream_destroy(stream);
}

static void it_is_whole_wherever_reads_end(void **state)
{
	static const size_t most[] = {1, 2, 7, 100, 1000, 4096};
	struct stream_rig rig;

	rig_until_devices(&rig);
	rig_devices(&rig, USUAL_DEVICES);
	rig_finish(&rig);
	for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++)
		assert_whole(&rig, most[i]);
	rig_free(&rig);
}

static void no_part_of_it_is_an_error(void **state)
{
	struct stream_rig rig;

	rig_until_devices(&rig);
	rig_devices(&rig, USUAL_DEVICES);
	rig_finish(&rig);
	rig.length -= RIG_PIPE_BYTES + 2;
	for (size_t cut = 0; cut < 40; cut++) {
		struct qemu_stream *stream = qemu_stream_create(RIG_PIPE_BYTES);
		struct smudge_error err = SMUDGE_ERROR_INIT;
		size_t length;

		assert_int_equal(rig_read(&rig, stream, 4096, &length, &err),
				 0);
		rig.length -= rig.length / 8;
		qemu_stream_destroy(stream);
	}
	rig_free(&rig);
}

/* An end and a description as they would be at this place of @rig. */
static size_t forge(uint8_t *bytes, uint32_t section, const char *text,
		    size_t text_length)
{
	uint8_t head[] = {0x7e,
			  (uint8_t)(section >> 24),
			  (uint8_t)(section >> 16),
			  (uint8_t)(section >> 8),
			  (uint8_t)section,
			  0,
			  6,
			  0,
			  0,
			  (uint8_t)(text_length >> 8),
			  (uint8_t)text_length};

	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head), text, strlen(text));
	memset(bytes + sizeof(head) + strlen(text), ' ',
	       text_length - strlen(text));
	return sizeof(head) + text_length;
}

static void video_memory_does_not_fool_it(void **state)
{
	uint8_t forged[16384];
	struct stream_rig rig;
	size_t length = forge(forged, 2, "{\"devices\": [", 12000);

	rig_begin(&rig);
	rig_ram_begin(&rig);
	rig_ram_part(&rig);
	for (size_t at = 0; at < length; at += 4096)
		rig_page(&rig, forged + at, 4096);
	rig_number(&rig, 8, 0x10);
	rig_footer(&rig, 2);
	rig_ram_end(&rig);
	rig_devices(&rig, USUAL_DEVICES);
	rig_finish(&rig);
	assert_whole(&rig, 4096);
	rig_free(&rig);
}

/* A device holds what looks like the end, but describes other devices. */
static void a_device_does_not_fool_it(void **state)
{
	static const char *const texts[] = {
		"{",
		"{\"devices\": 7",
		"{\"devices\": [{\"name\": \"device1\", \"instance_id\": 0}",
		"{\"devices\": [{\"name\": \"device0\", \"instance_id\": 1}",
		"{\"devices\": [{]",
	};
	uint8_t forged[16384];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t length = forge(forged, 9, texts[i], 12000);
		struct stream_rig rig;

		rig_until_devices(&rig);
		rig_devices(&rig, 1);
		rig_device(&rig, "forger", forged, length);
		rig_devices(&rig, USUAL_DEVICES);
		rig_finish(&rig);
		assert_whole(&rig, 4096);
		rig_free(&rig);
	}
}

/*
 * A device knows all devices before it. The machine stands already, and its
 * state is refused, in its stand or after it.
 */
static void a_clever_device_makes_it_fail(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_stream *stream = qemu_stream_create(RIG_PIPE_BYTES);
	uint8_t forged[16384];
	struct stream_rig rig;
	size_t length, read;
	int ret;

	rig_until_devices(&rig);
	rig_devices(&rig, 1);
	length = forge(forged, 9,
		       "{\"devices\": [{\"name\": \"device0\", "
		       "\"instance_id\": 0, \"fields\": [{\"size\": 32}]}, "
		       "{\"name\": \"other\", \"instance_id\": 0}",
		       12000);
	rig_device(&rig, "forger", forged, length);
	rig_devices(&rig, USUAL_DEVICES);
	rig_finish(&rig);
	ret = rig_read(&rig, stream, 4096, &read, &err);
	if (ret == 1)
		ret = qemu_stream_verify(stream, &err);
	assert_int_equal(ret, -EBADMSG);
	assert_true(rig.length - read > RIG_PIPE_BYTES);
	qemu_stream_destroy(stream);
	rig_free(&rig);
}

static void a_description_that_does_not_fit_is_refused(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct stream_rig rig;
	struct qemu_stream *stream = qemu_stream_create(RIG_PIPE_BYTES);
	size_t length;

	rig_until_devices(&rig);
	rig_devices(&rig, USUAL_DEVICES);
	/* the size of the second device's field is in the text twice by now */
	memcpy(strstr(strstr(rig.text, "device1"), "32"), "31", 2);
	rig_finish(&rig);
	assert_int_equal(rig_read(&rig, stream, 4096, &length, &err), 1);
	assert_int_equal(qemu_stream_verify(stream, &err), -EBADMSG);
	assert_non_null(strstr(err.message, "does not fit"));
	qemu_stream_destroy(stream);
	rig_free(&rig);
}

static void pages_of_other_sizes_are_passed_over(void **state)
{
	static const uint8_t page[65536] = {0x7e, 1, 2, 3};
	struct stream_rig rig;

	rig_begin(&rig);
	rig_number(&rig, 1, 5);
	rig_text(&rig, "configuration/target-page-bits");
	rig_number(&rig, 4, 1);
	rig_number(&rig, 4, 16);
	rig_ram_begin(&rig);
	rig_ram_part(&rig);
	rig_number(&rig, 8, 0x08);
	rig_text(&rig, "vga.vram");
	rig_put(&rig, page, sizeof(page));
	rig_number(&rig, 8, 0x10000 | 0x22);
	rig_number(&rig, 1, 0);
	rig_number(&rig, 8, 0x200);
	rig_number(&rig, 8, 0x10);
	rig_footer(&rig, 2);
	rig_number(&rig, 1, 8); /* a command */
	rig_number(&rig, 2, 11);
	rig_number(&rig, 2, 3);
	rig_put(&rig, "\1\4\7", 3);
	rig_ram_end(&rig);
	rig_devices(&rig, USUAL_DEVICES);
	rig_finish(&rig);
	assert_whole(&rig, 4096);
	rig_free(&rig);
}

/* Devices of a higher priority come first, whatever their section's number. */
static void sections_come_in_any_order(void **state)
{
	struct stream_rig rig;

	rig_until_devices(&rig);
	rig.next_section = 70;
	rig_device(&rig, "root-port", "abc", 3);
	rig.next_section = 0;
	rig_devices(&rig, USUAL_DEVICES - 1);
	rig.next_section = 5000;
	rig_device(&rig, "late", "abc", 3);
	rig.next_section = 4000;
	rig_device(&rig, "later", "abc", 3);
	rig_finish(&rig);
	assert_whole(&rig, 4096);
	rig_free(&rig);
}

TEST_MAIN(sections_come_in_any_order, it_is_whole_wherever_reads_end,
	  no_part_of_it_is_an_error, video_memory_does_not_fool_it,
	  a_device_does_not_fool_it, a_clever_device_makes_it_fail,
	  a_description_that_does_not_fit_is_refused,
	  pages_of_other_sizes_are_passed_over)
