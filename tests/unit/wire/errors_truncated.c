/* SPDX-License-Identifier: MIT */
/*
 * A stream that ends early is never a machine: cut at every record's
 * boundary, at every byte of headers and small records, and here and there in
 * content.
 */
#include <errno.h>
#include <string.h>

#include "stream.h"
#include "support.h"

static struct stream stream;

static void cut_at(struct stream_player *player, size_t length)
{
	struct stream_result result = stream_play(player, stream.bytes, length);

	if (result.error != -ECONNRESET ||
	    !strstr(result.err.message, "the peer closed the connection"))
		fail_msg("cut at %zu: %d \"%s\"", length, result.error,
			 result.err.message);
}

static void cut_everywhere(void **state)
{
	struct stream_player *player = stream_player_create();
	size_t next = 0;

	assert_non_null(player);
	stream_good(&stream);
	for (size_t length = 0; length < stream.length;) {
		size_t into;

		cut_at(player, length);
		while (next < stream.nrecords && stream.starts[next] <= length)
			next++;
		into = next ? length - stream.starts[next - 1] : 0;
		/* Bytewise around the headers, in strides inside content. */
		length += into < 80 || next == stream.nrecords ? 1 : 509;
		if (next < stream.nrecords && length > stream.starts[next])
			length = stream.starts[next];
	}
	stream_player_destroy(player);
}

static void whole_is_accepted(void **state)
{
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	stream_good(&stream);
	result = stream_play(player, stream.bytes, stream.length);
	assert_int_equal(result.error, 0);
	assert_true(result.state_loaded);
	assert_false(result.peer_was_told);
	assert_int_equal(stream_player_page(player, 0, 3)[0], 1);
	assert_int_equal(stream_player_page(player, 0, 15)[1], 4);
	assert_int_equal(stream_player_page(player, 1, 3)[0], 2 + 4096 % 251);
	assert_int_equal(stream_player_page(player, 1, 1)[0], 0);
	stream_player_destroy(player);
}

TEST_MAIN(whole_is_accepted, cut_everywhere)
