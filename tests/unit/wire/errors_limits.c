/* SPDX-License-Identifier: MIT */
/*
 * The bounds of a stream that are counted: records skipped in a row, and
 * rounds. What reaches a bound is accepted, what passes it is refused with
 * code 8.
 */
#include <errno.h>
#include <string.h>

#include "migrate/sender_rounds.h"
#include "stream.h"
#include "support.h"
#include "wire/sequence.h"

static struct stream stream;

static void skippable(size_t n)
{
	for (size_t i = 0; i < n; i++)
		stream_record(&stream, 0x77, SMI_WIRE_SKIPPABLE, NULL, 0);
}

/* Skippable records in two places of a good stream. */
static struct stream_result play_with(size_t in_round, size_t between)
{
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	stream_begin(&stream);
	stream_first_round(&stream);
	skippable(between);
	stream_round_begin(&stream, 2, true);
	skippable(in_round);
	stream_round_end(&stream, 2);
	stream_state(&stream);
	stream_end(&stream, 2);
	stream_record(&stream, SMI_WIRE_GO, 0, NULL, 0);
	result = stream_play(player, stream.bytes, stream.length);
	stream_player_destroy(player);
	return result;
}

static void as_many_as_allowed(void **state)
{
	struct stream_result result = play_with(4096, 4096);

	if (result.error)
		fail_msg("%d \"%s\"", result.error, result.err.message);
}

static void one_too_many(void **state)
{
	struct stream_result result = play_with(4097, 1);

	assert_int_equal(result.error, -EOVERFLOW);
	assert_int_equal(result.told_code, SMI_WIRE_REFUSE_LIMIT);
	assert_non_null(strstr(result.told, "too many skippable records"));
	/* 6 of round 1 and the table, 1 more, ROUND_BEGIN, 4096 others */
	assert_int_equal(result.err.stream_offset_bytes,
			 stream.starts[7 + 1 + 1 + 4096]);
}

static void rounds_of_a_stream(void **state)
{
	struct smi_wire_sequence order = {.round = (1u << 20) - 1};
	struct smi_wire_round_begin begin = {.round = 1u << 20, .final = true};
	struct smudge_error err = {0};

	assert_int_equal(smi_wire_sequence_round_begin(&order, &begin, &err),
			 0);
	begin.round++;
	assert_int_equal(smi_wire_sequence_round_begin(&order, &begin, &err),
			 -EOVERFLOW);
	assert_non_null(strstr(err.message, "round 1048577 begins"));
}

/* The sender keeps the last number for the final round. */
static void rounds_of_a_sender(void **state)
{
	struct smi_sender sender = {0};

	assert_int_equal(smudge_migration_create(NULL, &sender.migration, NULL),
			 0);
	sender.meter.stats.round = (1u << 20) - 1;
	assert_int_equal(smi_sender_round_begin(&sender, false, 0), -EOVERFLOW);
	assert_non_null(strstr(sender.err.message, "more rounds than"));
	assert_int_equal(sender.abort_code, SMI_WIRE_ABORT_LIMIT);
	smudge_migration_destroy(sender.migration);
}

TEST_MAIN(as_many_as_allowed, one_too_many, rounds_of_a_stream,
	  rounds_of_a_sender)
