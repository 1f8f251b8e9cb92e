/* SPDX-License-Identifier: MIT */
/*
 * One bit of the stream flipped: it is refused, wherever it was. Every bit of
 * the greeting, the headers and the small records; in content, one bit of
 * some bytes.
 */
#include <errno.h>
#include <string.h>

#include "stream.h"
#include "support.h"

static struct stream stream;

static void flip(struct stream_player *player, size_t byte, unsigned int bit)
{
	struct stream_result result;

	stream.bytes[byte] ^= (uint8_t)(1u << bit);
	result = stream_play(player, stream.bytes, stream.length);
	stream.bytes[byte] ^= (uint8_t)(1u << bit);
	if (!result.error || result.err.code != result.error ||
	    !result.err.message[0])
		fail_msg("bit %u of byte %zu: %d \"%s\"", bit, byte,
			 result.error, result.err.message);
	/* An end may be lost in the middle of a record, all else is known. */
	if (result.error != -ECONNRESET && result.error != -EPROTO)
		assert_int_equal(result.error, -EBADMSG);
}

/* Where @byte lies in its record; the greeting counts as a header. */
static size_t offset_in_record(size_t byte)
{
	size_t start = 0;

	for (size_t i = 0; i < stream.nrecords; i++)
		if (stream.starts[i] <= byte)
			start = stream.starts[i];
	return byte - start;
}

static void every_flip_is_refused(void **state)
{
	struct stream_player *player = stream_player_create();
	struct test_rng rng = test_rng_start("every_flip_is_refused");

	assert_non_null(player);
	stream_good(&stream);
	for (size_t byte = 0; byte < stream.length; byte++) {
		if (offset_in_record(byte) < 96)
			for (unsigned int bit = 0; bit < 8; bit++)
				flip(player, byte, bit);
		else if (test_rng_below(&rng, 64) == 0)
			flip(player, byte,
			     (unsigned int)test_rng_below(&rng, 8));
	}
	stream_player_destroy(player);
}

/* A refused record wrote nothing, and the peer got the reason. */
static void nothing_of_it_is_used(void **state)
{
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	stream_good(&stream);
	stream.bytes[stream.starts[2] + 3000] ^= 1;
	result = stream_play(player, stream.bytes, stream.length);
	assert_int_equal(result.error, -EBADMSG);
	assert_int_equal(result.err.stream_offset_bytes, stream.starts[2]);
	assert_int_equal(stream_player_page(player, 0, 3)[0], 0);
	assert_true(result.peer_was_told);
	assert_string_equal(result.told, result.err.message);
	stream_player_destroy(player);
}

TEST_MAIN(every_flip_is_refused, nothing_of_it_is_used)
