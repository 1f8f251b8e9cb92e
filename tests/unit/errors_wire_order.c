/* SPDX-License-Identifier: MIT */
/*
 * Records out of order: after each record of a good stream, every record type
 * that may not follow is refused, and what may follow is not.
 */
#include <errno.h>
#include <string.h>

#include "stream.h"
#include "support.h"
#include "wire/record.h"

static struct stream stream;

static void append(uint32_t type)
{
	static const struct smudge_run run = {0, 1};

	switch (type) {
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
		stream_round_end(&stream, 1);
		return;
	case SMI_WIRE_STATE:
		stream_state(&stream);
		return;
	case SMI_WIRE_END:
		stream_end(&stream, 2);
		return;
	default:
		stream_record(&stream, type, 0, NULL, 0);
		return;
	}
}

/* May @type come when @previous was the last, in the good stream's order? */
static bool may_follow(size_t nrecords, uint32_t type)
{
	static const struct {
		size_t nrecords; /* of the good stream, sent before */
		uint32_t types[3];
	} allowed[] = {
		{0, {SMI_WIRE_REGION_TABLE}},
		{1, {SMI_WIRE_ROUND_BEGIN}},
		{2, {SMI_WIRE_PAGES, SMI_WIRE_ZERO, SMI_WIRE_ROUND_END}},
		{7, {SMI_WIRE_ROUND_BEGIN}},
		{8, {SMI_WIRE_PAGES, SMI_WIRE_ZERO, SMI_WIRE_ROUND_END}},
		{10, {SMI_WIRE_STATE}},
		{11, {SMI_WIRE_END}},
		{12, {SMI_WIRE_GO}},
	};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		for (size_t j = 0; j < 3; j++)
			if (allowed[i].nrecords == nrecords &&
			    allowed[i].types[j] == type)
				return true;
	return false;
}

static void try_after(struct stream_player *player, size_t nrecords,
		      uint32_t type)
{
	struct stream_result result;
	bool was_order;

	stream_good(&stream);
	stream.length = stream.starts[nrecords];
	stream.nrecords = nrecords;
	append(type);
	result = stream_play(player, stream.bytes, stream.length);
	was_order = result.error == -EBADMSG &&
		    strstr(result.err.message, "out of order");
	if (was_order == may_follow(nrecords, type))
		fail_msg("%s after %zu records: %d \"%s\"",
			 smi_wire_type_name(type), nrecords, result.error,
			 result.err.message);
}

static void every_type_in_every_place(void **state)
{
	static const size_t places[] = {0, 1, 2, 7, 8, 10, 11, 12};
	struct stream_player *player = stream_player_create();

	assert_non_null(player);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (uint32_t type = SMI_WIRE_REGION_TABLE; type <= SMI_WIRE_GO;
		     type++)
			try_after(player, places[i], type);
	stream_player_destroy(player);
}

/* After a GO the receiver is done: it reads nothing more. */
static void nothing_after_go(void **state)
{
	struct stream_player *player = stream_player_create();
	struct stream_result result;

	assert_non_null(player);
	stream_good(&stream);
	append(SMI_WIRE_PAGES);
	result = stream_play(player, stream.bytes, stream.length);
	assert_int_equal(result.error, 0);
	assert_int_equal(stream_player_page(player, 0, 0)[0], 0);
	stream_player_destroy(player);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_in_every_place),
		cmocka_unit_test(nothing_after_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
