/* SPDX-License-Identifier: MIT */
/*
 * Lengths: above the cap of their type they are refused from the header
 * alone, with nothing behind it; payloads that are longer or shorter than
 * their fields are refused with a right checksum too.
 */
#include <errno.h>
#include <string.h>

#include "stream.h"
#include "support.h"
#include "wire/bytes.h"
#include "wire/pages.h"
#include "wire/record.h"

static const struct {
	uint32_t type;
	uint32_t flags;
	uint64_t cap;
} caps[] = {
	{SMI_WIRE_REGION_TABLE, 0, 524288},
	{SMI_WIRE_ROUND_BEGIN, 0, 16},
	{SMI_WIRE_PAGES, 0, 1052680},
	{SMI_WIRE_ZERO, 0, 65544},
	{SMI_WIRE_ROUND_END, 0, 32},
	{SMI_WIRE_STATE, 0, 67108864},
	{SMI_WIRE_END, 0, 40},
	{SMI_WIRE_GO, 0, 0},
	{SMI_WIRE_ABORT, 0, 203},
	{0x77, SMI_WIRE_SKIPPABLE, 1048576},
};

static void one_byte_too_long(void **state)
{
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		uint8_t bytes[SMI_WIRE_HEADER_BYTES] = {0};
		struct smi_wire_header header;
		struct smudge_error err = {0};

		smi_wire_put_u32(bytes, caps[i].type);
		smi_wire_put_u32(bytes + 4, caps[i].flags);
		smi_wire_put_u64(bytes + 8, caps[i].cap);
		assert_int_equal(smi_wire_header_decode(bytes, SMI_WIRE_SENDER,
							&header, &err),
				 0);
		smi_wire_put_u64(bytes + 8, caps[i].cap + 1);
		assert_int_equal(smi_wire_header_decode(bytes, SMI_WIRE_SENDER,
							&header, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.message, "bytes, more than"));
	}
}

/* Every payload of the good stream, with its last byte gone or one more. */
static void payload_does_not_fit(struct stream_player *player, size_t record,
				 int change)
{
	static struct stream good;
	static struct stream stream;
	struct stream_result result;
	struct smi_wire_header header;
	uint8_t *bytes;

	stream_good(&good);
	stream_good(&stream);
	bytes = stream.bytes + stream.starts[record];
	assert_int_equal(
		smi_wire_header_decode(bytes, SMI_WIRE_SENDER, &header, NULL),
		0);
	if (change < 0 && !header.length)
		return;
	smi_wire_record_seal(bytes, header.type, 0,
			     header.length + (uint64_t)(int64_t)change);
	stream.length = stream.starts[record] + SMI_WIRE_HEADER_BYTES +
			header.length + (size_t)change;
	result = stream_play(player, stream.bytes, stream.length);
	/* The state is opaque bytes: any length is its own. */
	if (header.type == SMI_WIRE_STATE)
		assert_int_equal(result.error, -ECONNRESET);
	else if (result.error != -EBADMSG)
		fail_msg("record %zu %+d: %d \"%s\"", record, change,
			 result.error, result.err.message);
}

static void one_byte_off(void **state)
{
	struct stream_player *player = stream_player_create();

	assert_non_null(player);
	for (size_t record = 0; record < 13; record++) {
		payload_does_not_fit(player, record, -1);
		payload_does_not_fit(player, record, 1);
	}
	stream_player_destroy(player);
}

/* Runs of so many pages that a product or a sum might wrap. */
static void huge_runs(void **state)
{
	static const uint64_t values[] = {
		17,
		UINT64_C(1) << 32,
		UINT64_C(1) << 52,
		(UINT64_C(1) << 52) + 1,
		UINT64_C(1) << 63,
		UINT64_MAX - 1,
		UINT64_MAX,
	};
	const size_t n = sizeof(values) / sizeof(values[0]);

	for (size_t i = 0; i < n * n; i++) {
		struct smudge_run run = {values[i / n], values[i % n]};
		struct smudge_run from_0 = {0, values[i % n]};
		uint8_t payload[64] = {0};
		struct smi_wire_pages pages;

		smi_wire_runs_encode(0, &run, 1, payload);
		assert_int_equal(smi_wire_zero_decode(stream_regions(), 2,
						      payload, 24, &pages,
						      NULL),
				 -EBADMSG);
		smi_wire_runs_encode(0, &from_0, 1, payload);
		assert_int_equal(smi_wire_zero_decode(stream_regions(), 2,
						      payload, 24, &pages,
						      NULL),
				 -EBADMSG);
		assert_int_equal(smi_wire_pages_decode(stream_regions(), 2,
						       payload, 64, &pages,
						       NULL),
				 -EBADMSG);
	}
}

TEST_MAIN(one_byte_too_long, one_byte_off, huge_runs)
