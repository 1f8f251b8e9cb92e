/* SPDX-License-Identifier: MIT */
/*
 * The receiver's table of docs/protocol.md, section 4: every type of record
 * in every state is accepted, skipped, or refused with the code that the
 * table names.
 */
#include <errno.h>
#include <string.h>

#include "stream.h"
#include "support.h"
#include "wire/record.h"

static struct stream stream;

/* What may become of a record. */
enum {
	ACCEPTED = '+',	 /* also when it is skipped */
	ENDS = 'x',	 /* ends the migration, and is not answered */
	REFUSED = '3',	 /* with code 3 */
	COMPLETED = 'G', /* the machine is handed over */
};

/* The columns of the table. */
static const struct column {
	uint32_t type;
	uint32_t flags;
} columns[] = {
	{SMI_WIRE_REGION_TABLE, 0},
	{SMI_WIRE_ROUND_BEGIN, 0},
	{SMI_WIRE_PAGES, 0},
	{SMI_WIRE_ZERO, 0},
	{SMI_WIRE_ROUND_END, 0},
	{SMI_WIRE_STATE, 0},
	{SMI_WIRE_END, 0},
	{SMI_WIRE_GO, 0},
	{SMI_WIRE_ABORT, 0},
	/* unknown and skippable */
	{0x77, SMI_WIRE_SKIPPABLE},
	{0x106, SMI_WIRE_SKIPPABLE},
	{UINT32_MAX, SMI_WIRE_SKIPPABLE},
	/* unknown */
	{0x77, 0},
	{0, 0},
	{0, SMI_WIRE_SKIPPABLE},
	/* the other side's */
	{SMI_WIRE_READY, 0},
	{SMI_WIRE_ROUND_ACK, 0},
	{SMI_WIRE_ACK, 0},
	{SMI_WIRE_REFUSE, 0},
	{SMI_WIRE_RECEIPT, 0},
	{SMI_WIRE_REFUSE, SMI_WIRE_SKIPPABLE},
};

#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

enum place {
	GREETED,
	BETWEEN_ROUNDS,
	IN_ROUND,
	WANTS_STATE,
	WANTS_END,
	WANTS_GO,
	NPLACES
};

static const char *const table[NPLACES] = {
	"+3333333x+++333333333", /* greeted */
	"3+333333x+++333333333", /* between rounds */
	"33+++333x+++333333333", /* in round */
	"33333+33x+++333333333", /* wants state */
	"333333+3x+++333333333", /* wants end */
	"3333333Gx+++333333333", /* wants go */
};

static void greet(void)
{
	static const struct smi_wire_greeting greeting = {
		.version = SMI_WIRE_VERSION, .role = SMI_WIRE_SENDER};

	stream_begin(&stream);
	stream_greeting(&stream, &greeting);
}

/* A good stream up to @place. */
static void stream_to(enum place place)
{
	static const struct smudge_run rest = {15, 1};

	if (place == GREETED) {
		greet();
		return;
	}
	stream_begin(&stream);
	stream_first_round(&stream);
	if (place >= IN_ROUND)
		stream_round_begin(&stream, 2, true);
	if (place >= WANTS_STATE) {
		stream_pages(&stream, 0, &rest, 1, 3);
		stream_round_end(&stream, 2);
	}
	if (place >= WANTS_END)
		stream_state(&stream);
	if (place >= WANTS_GO)
		stream_end(&stream, 2);
}

static void append(const struct column *column)
{
	static const struct smudge_run run = {0, 1};

	switch (column->type) {
	case SMI_WIRE_REGION_TABLE:
		stream_region_table(&stream, stream_regions(), 2);
		return;
	case SMI_WIRE_ROUND_BEGIN:
		stream_round_begin(&stream, 2, false);
		return;
	case SMI_WIRE_PAGES:
		stream_pages(&stream, 0, &run, 1, 9);
		return;
	case SMI_WIRE_ZERO:
		stream_zero(&stream, 0, &run, 1);
		return;
	case SMI_WIRE_ROUND_END:
		stream_round_end(&stream, 2);
		return;
	case SMI_WIRE_STATE:
		stream_state(&stream);
		return;
	case SMI_WIRE_END:
		stream_end(&stream, 2);
		return;
	case SMI_WIRE_ABORT:
		stream_record(&stream, SMI_WIRE_ABORT, 0, "\1\0\0\0tired", 9);
		return;
	default:
		stream_record(&stream, column->type, column->flags, NULL, 0);
		return;
	}
}

/* Behind an accepted record the stream ends, which is code 6. */
static int what_became(const struct stream_result *result)
{
	if (!result->error && !result->peer_was_told)
		return COMPLETED;
	if (result->error == -EREMOTEIO && !result->peer_was_told)
		return ENDS;
	if (result->error == -ECONNRESET && result->told_code == 6)
		return ACCEPTED;
	if (result->error == -EPROTO && result->peer_was_told)
		return '0' + (int)result->told_code;
	return '?';
}

static void every_type_in_every_place(void **state)
{
	struct stream_player *player = stream_player_create();

	assert_non_null(player);
	for (size_t i = 0; i < NPLACES * NCOLUMNS; i++) {
		enum place place = (enum place)(i / NCOLUMNS);
		const struct column *column = &columns[i % NCOLUMNS];
		struct stream_result result;

		assert_int_equal(strlen(table[place]), NCOLUMNS);
		stream_to(place);
		append(column);
		result = stream_play(player, stream.bytes, stream.length);
		if (what_became(&result) != table[place][i % NCOLUMNS])
			fail_msg("type 0x%x flags %u in place %u: %d, code %u, "
				 "\"%s\"",
				 column->type, column->flags, place,
				 result.error, result.told_code,
				 result.err.message);
	}
	stream_player_destroy(player);
}

/* Damage of a record is reported before its place in the stream is checked. */
static void damage_comes_first(void **state)
{
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	greet();
	stream_round_begin(&stream, 1, false);
	stream.bytes[stream.length - 1] ^= 1;
	result = stream_play(player, stream.bytes, stream.length);
	assert_int_equal(result.told_code, SMI_WIRE_REFUSE_DAMAGED);
	stream_player_destroy(player);
}

/* A greeting is no record: nothing replaces it, and no ABORT is sent. */
static void record_instead_of_greeting(void **state)
{
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	stream_begin(&stream);
	stream_region_table(&stream, stream_regions(), 2);
	result = stream_play(player, stream.bytes, stream.length);
	assert_int_equal(result.error, -EPROTO);
	assert_false(result.peer_was_told);
	stream_player_destroy(player);
}

/* After a GO the receiver is done: it reads nothing more. */
static void nothing_after_go(void **state)
{
	static const struct smudge_run run = {0, 1};
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	stream_good(&stream);
	stream_pages(&stream, 0, &run, 1, 9);
	result = stream_play(player, stream.bytes, stream.length);
	assert_int_equal(result.error, 0);
	assert_int_equal(stream_player_page(player, 0, 0)[0], 0);
	stream_player_destroy(player);
}

TEST_MAIN(every_type_in_every_place, damage_comes_first,
	  record_instead_of_greeting, nothing_after_go)
