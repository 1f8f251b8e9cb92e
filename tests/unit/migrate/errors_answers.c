/* SPDX-License-Identifier: MIT */
/*
 * The sender's table of docs/protocol.md, section 4: every type of record
 * that a receiver might send, at every moment, is what was due, is skipped,
 * ends the migration, or is answered by an ABORT with code 4. After GO only
 * the receipt counts, and nothing is answered.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/bytes.h"
#include "wire/control.h"

/* What may become of a record. */
enum {
	COMPLETED = '+',   /* it was due, or skipped */
	ENDS = 'x',	   /* ends the migration, and is not answered */
	ABORTED = '4',	   /* ABORT with code 4 */
	UNCONFIRMED = 'o', /* the machine stays stopped */
};

enum moment {
	WANTS_READY,
	BETWEEN_ROUNDS,
	STOPPED,
	WANTS_ROUND_ACK,
	WANTS_ACK,
	HAS_ACK,
	WANTS_RECEIPT,
	NMOMENTS
};

/* The columns of the table. */
static const struct column {
	uint32_t type;
	uint32_t flags;
} columns[] = {
	{SMI_WIRE_READY, 0},
	{SMI_WIRE_ROUND_ACK, 0},
	{SMI_WIRE_ACK, 0},
	{SMI_WIRE_RECEIPT, 0},
	{SMI_WIRE_REFUSE, 0},
	{0x777, SMI_WIRE_SKIPPABLE},
	/* unknown, and not skippable */
	{0x777, 0},
	{0, 0},
	{0, SMI_WIRE_SKIPPABLE},
	/* the other side's, and flags that are not assigned */
	{SMI_WIRE_GO, 0},
	{SMI_WIRE_GO, SMI_WIRE_SKIPPABLE},
	{SMI_WIRE_READY, SMI_WIRE_SKIPPABLE},
	{0x777, 3},
};

#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *const table[NMOMENTS] = {
	"+444x+4444444", /* wants READY */
	"4444x+4444444", /* between rounds */
	"4444x+4444444", /* machine stopped, final round */
	"4+44x+4444444", /* wants ROUND_ACK */
	"44+4x+4444444", /* wants ACK */
	"4444x+4444444", /* has ACK, GO not yet sent */
	"ooo+o+ooooooo", /* wants RECEIPT */
};

struct talk {
	struct rig rig;
	struct smi_link link;
	enum moment moment;
	const struct column *column;
	bool was_said;
	uint32_t abort_code; /* 0: none came */
};

static size_t make(uint8_t *record, uint32_t type, uint32_t flags)
{
	static const uint8_t round_1[SMI_WIRE_ROUND_ACK_BYTES] = {1};
	size_t length = 0;

	if (type == SMI_WIRE_ROUND_ACK) {
		length = sizeof(round_1);
		memcpy(record + SMI_WIRE_HEADER_BYTES, round_1, length);
	} else if (type == SMI_WIRE_REFUSE) {
		length = smi_wire_reason_encode(6, "full",
						record + SMI_WIRE_HEADER_BYTES);
	}
	smi_wire_record_seal(record, type, flags, length);
	return SMI_WIRE_HEADER_BYTES + length;
}

/* Say the column's record, behind @first if that is not 0. */
static void say(struct talk *talk, uint32_t first)
{
	uint8_t bytes[128];
	size_t length = first ? make(bytes, first, 0) : 0;

	length += make(bytes + length, talk->column->type, talk->column->flags);
	talk->was_said = true;
	(void)send(talk->rig.fds[1], bytes, length, MSG_NOSIGNAL);
}

static void answer(struct talk *talk, uint32_t type, enum moment moment)
{
	uint8_t bytes[64];

	if (type == SMI_WIRE_ACK && talk->moment == HAS_ACK) {
		say(talk, SMI_WIRE_ACK);
		return;
	}
	if (moment == talk->moment) {
		say(talk, 0);
		if (talk->column->type == type)
			return;
	}
	(void)send(talk->rig.fds[1], bytes, make(bytes, type, 0), MSG_NOSIGNAL);
}

static void *serve(void *opaque)
{
	struct talk *talk = opaque;
	struct smi_wire_header header;
	struct smudge_error err = {0};
	int nrounds = 0;

	smi_link_greet(&talk->link, &err);
	while (!smi_link_receive(&talk->link, &header, &err)) {
		if (header.type == SMI_WIRE_REGION_TABLE)
			answer(talk, SMI_WIRE_READY, WANTS_READY);
		if (header.type == SMI_WIRE_ROUND_END && ++nrounds == 1)
			answer(talk, SMI_WIRE_ROUND_ACK, WANTS_ROUND_ACK);
		if (header.type == SMI_WIRE_END)
			answer(talk, SMI_WIRE_ACK, WANTS_ACK);
		if (header.type == SMI_WIRE_GO)
			answer(talk, SMI_WIRE_RECEIPT, WANTS_RECEIPT);
		if (header.type == SMI_WIRE_ABORT)
			talk->abort_code =
				smi_wire_get_u32(smi_link_payload(&talk->link));
	}
	shutdown(talk->rig.fds[1], SHUT_RDWR);
	return NULL;
}

static enum smudge_migrate_decision
say_and_switch(const struct smudge_migrate_stats *stats,
	       const struct smudge_migrate_limits *limits, void *opaque)
{
	struct talk *talk = opaque; /* begins with the rig */

	if (talk->moment == BETWEEN_ROUNDS)
		say(talk, 0);
	return SMUDGE_MIGRATE_SWITCH;
}

static int say_and_stop(void *opaque)
{
	struct talk *talk = opaque;

	talk->rig.stops++;
	if (talk->moment == STOPPED)
		say(talk, 0);
	return 0;
}

static int what_became(const struct talk *talk)
{
	int error = talk->rig.send_error;

	if (!error && !talk->abort_code)
		return COMPLETED;
	if (error == -EOWNERDEAD && !talk->abort_code)
		return UNCONFIRMED;
	if (error == -EREMOTEIO && !talk->abort_code)
		return ENDS;
	if ((error == -EPROTO || error == -EBADMSG) && talk->abort_code)
		return '0' + (int)talk->abort_code;
	return '?';
}

static void one(enum moment moment, const struct column *column, int expected)
{
	struct talk talk = {
		.rig = {.page_shift = 12, .npages = {16, 4}},
		.moment = moment,
		.column = column,
	};
	struct smudge_migrate_send_options options;
	pthread_t server;

	rig_open(&talk.rig, "every_type_at_every_moment");
	rig_link_open(&talk.rig, &talk.link);
	assert_int_equal(pthread_create(&server, NULL, serve, &talk), 0);
	options = rig_send_options(&talk.rig);
	options.policy = say_and_switch;
	options.machine_stop = say_and_stop;
	talk.rig.send_error = rig_send(&talk.rig, &options);
	shutdown(talk.rig.fds[0], SHUT_RDWR);
	pthread_join(server, NULL);
	assert_true(talk.was_said);
	if (what_became(&talk) != expected)
		fail_msg("type 0x%x flags %u at moment %u: %d, code %u, \"%s\"",
			 column->type, column->flags, moment,
			 talk.rig.send_error, talk.abort_code,
			 talk.rig.send_err.message);
	if (expected == ENDS || expected == ABORTED)
		assert_int_equal(talk.rig.resumes, talk.rig.stops);
	else
		assert_int_equal(talk.rig.resumes, 0);
	rig_assert_untracked(&talk.rig);
	smi_link_close(&talk.link);
	rig_close(&talk.rig);
}

static void every_type_at_every_moment(void **state)
{
	for (size_t i = 0; i < NMOMENTS * NCOLUMNS; i++) {
		enum moment moment = (enum moment)(i / NCOLUMNS);

		assert_int_equal(strlen(table[moment]), NCOLUMNS);
		one(moment, &columns[i % NCOLUMNS],
		    table[moment][i % NCOLUMNS]);
	}
}

TEST_MAIN(every_type_at_every_moment)
