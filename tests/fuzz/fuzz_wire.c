/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer of the receiver: the input is a migration stream, played to a real
 * smudge_migrate_receive whose regions lie between guard pages. Each input is
 * played twice, as it is and with its checksums made right, since no fuzzer
 * guesses those. Whatever comes, the receiver returns 0, or an error with a
 * sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "wire/bytes.h"
#include "wire/record.h"

static void seal_greeting(uint8_t *bytes)
{
	const struct smi_wire_greeting greeting = {
		.version = smi_wire_get_u32(bytes + 8),
		.role = smi_wire_get_u32(bytes + 12),
		.mandatory = smi_wire_get_u64(bytes + 16),
		.optional = smi_wire_get_u64(bytes + 24),
	};
	uint8_t magic[SMI_WIRE_MAGIC_BYTES];

	memcpy(magic, bytes, sizeof(magic));
	smi_wire_greeting_encode(&greeting, bytes);
	memcpy(bytes, magic, sizeof(magic));
}

/* Give every record that is all there the checksum it should have. */
static void seal(uint8_t *bytes, size_t length)
{
	size_t at = SMI_WIRE_GREETING_BYTES;

	if (length < at)
		return;
	seal_greeting(bytes);
	while (length - at >= SMI_WIRE_HEADER_BYTES) {
		uint8_t *record = bytes + at;
		uint64_t payload = smi_wire_get_u64(record + 8);

		if (payload > length - at - SMI_WIRE_HEADER_BYTES)
			return;
		smi_wire_record_seal(record, smi_wire_get_u32(record),
				     smi_wire_get_u32(record + 4), payload);
		at += SMI_WIRE_HEADER_BYTES + payload;
	}
}

static void play(const uint8_t *bytes, size_t length)
{
	static struct stream_player *player;
	struct stream_result result;

	if (!player)
		player = stream_player_create();
	if (!player)
		abort();
	result = stream_play(player, bytes, length);
	/* Accepted with any state: what a state means is not the stream's. */
	if (result.error == 0 ||
	    (result.err.code == result.error && result.err.message[0]))
		return;
	fprintf(stderr, "error %d without a sentence\n", result.error);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t sealed[STREAM_MAX_BYTES];

	if (size > sizeof(sealed))
		return 0;
	play(data, size);
	memcpy(sealed, data, size);
	seal(sealed, size);
	play(sealed, size);
	return 0;
}
