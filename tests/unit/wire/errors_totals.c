/* SPDX-License-Identifier: MIT */
/*
 * Wrong totals: each number of ROUND_END and END, one too many, one too few,
 * and far off.
 */
#include <errno.h>
#include <string.h>

#include "stream.h"
#include "support.h"
#include "wire/bytes.h"
#include "wire/record.h"

enum {
	ROUND_END_1 = 6,
	ROUND_END_2 = 9,
	END = 11
};

static void change(struct stream_player *player, size_t record, size_t offset,
		   uint64_t by)
{
	static struct stream stream;
	struct stream_result result;
	uint8_t *bytes;
	uint8_t *field;

	stream_good(&stream);
	bytes = stream.bytes + stream.starts[record];
	field = bytes + SMI_WIRE_HEADER_BYTES + offset;
	smi_wire_put_u64(field, smi_wire_get_u64(field) + by);
	smi_wire_record_seal(bytes, smi_wire_get_u32(bytes), 0,
			     smi_wire_get_u64(bytes + 8));
	result = stream_play(player, stream.bytes, stream.length);
	if (result.error != -EPROTO || result.state_loaded ||
	    result.told_code != SMI_WIRE_REFUSE_ORDER ||
	    !strstr(result.err.message, " claims "))
		fail_msg("record %zu, offset %zu, by %lld: %d \"%s\"", record,
			 offset, (long long)by, result.error,
			 result.err.message);
}

static void each_number(struct stream_player *player, size_t record,
			size_t first, size_t end)
{
	for (size_t offset = first; offset < end; offset += 8) {
		change(player, record, offset, 1);
		change(player, record, offset, UINT64_MAX);
		change(player, record, offset, UINT64_C(1) << 63);
	}
}

static void totals_of_rounds(void **state)
{
	struct stream_player *player = stream_player_create();

	assert_non_null(player);
	each_number(player, ROUND_END_1, 8, 32);
	each_number(player, ROUND_END_2, 8, 32);
	stream_player_destroy(player);
}

static void totals_of_the_stream(void **state)
{
	struct stream_player *player = stream_player_create();

	assert_non_null(player);
	each_number(player, END, 0, 32);
	stream_player_destroy(player);
}

TEST_MAIN(totals_of_rounds, totals_of_the_stream)
