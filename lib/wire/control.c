/* SPDX-License-Identifier: MIT */
/*
 * Round markers, totals, state and refusals, to and from bytes.
 *
 * Only the form of a record is checked here. sequence.c compares what it says
 * with the records before it.
 */
#include "wire/control.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/byte_cursor.h"
#include "wire/bytes.h"
#include "wire/text.h"

static int malformed(const char *record, size_t length,
		     struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, "wire",
				"this %s record of %zu bytes is malformed",
				record, length);
}

void smi_wire_round_begin_encode(const struct smi_wire_round_begin *begin,
				 uint8_t *payload)
{
	smi_wire_put_u32(payload, begin->round);
	smi_wire_put_u32(payload + 4, begin->final ? SMI_WIRE_FINAL : 0);
	smi_wire_put_u64(payload + 8, begin->expected_pages);
}

int smi_wire_round_begin_decode(const uint8_t *payload, size_t length,
				struct smi_wire_round_begin *ret_begin,
				struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint32_t round = byte_cursor_read_u32(&cursor);
	uint32_t flags = byte_cursor_read_u32(&cursor);
	uint64_t expected_pages = byte_cursor_read_u64(&cursor);

	if (!byte_cursor_is_done(&cursor))
		return malformed("ROUND_BEGIN", length, err);
	if (flags & ~SMI_WIRE_FINAL)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a ROUND_BEGIN record has unknown "
					"flags 0x%" PRIx32,
					flags);
	*ret_begin = (struct smi_wire_round_begin){
		.round = round,
		.final = flags & SMI_WIRE_FINAL,
		.expected_pages = expected_pages,
	};
	return 0;
}

static void totals_encode(const struct smi_wire_totals *totals, uint8_t *bytes)
{
	smi_wire_put_u64(bytes, totals->pages);
	smi_wire_put_u64(bytes + 8, totals->zero_pages);
	smi_wire_put_u64(bytes + 16, totals->content_bytes);
}

static struct smi_wire_totals totals_read(struct byte_cursor *cursor)
{
	struct smi_wire_totals totals;

	totals.pages = byte_cursor_read_u64(cursor);
	totals.zero_pages = byte_cursor_read_u64(cursor);
	totals.content_bytes = byte_cursor_read_u64(cursor);
	return totals;
}

void smi_wire_round_end_encode(const struct smi_wire_round_end *end,
			       uint8_t *payload)
{
	smi_wire_put_u32(payload, end->round);
	smi_wire_put_u32(payload + 4, 0);
	totals_encode(&end->totals, payload + 8);
}

int smi_wire_round_end_decode(const uint8_t *payload, size_t length,
			      struct smi_wire_round_end *ret_end,
			      struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint32_t round = byte_cursor_read_u32(&cursor);
	uint32_t reserved = byte_cursor_read_u32(&cursor);
	struct smi_wire_totals totals = totals_read(&cursor);

	if (!byte_cursor_is_done(&cursor) || reserved)
		return malformed("ROUND_END", length, err);
	ret_end->round = round;
	ret_end->totals = totals;
	return 0;
}

void smi_wire_round_ack_encode(uint32_t round, uint8_t *payload)
{
	smi_wire_put_u32(payload, round);
	smi_wire_put_u32(payload + 4, 0);
}

int smi_wire_round_ack_decode(const uint8_t *payload, size_t length,
			      uint32_t *ret_round, struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint32_t round = byte_cursor_read_u32(&cursor);
	uint32_t reserved = byte_cursor_read_u32(&cursor);

	if (!byte_cursor_is_done(&cursor) || reserved)
		return malformed("ROUND_ACK", length, err);
	*ret_round = round;
	return 0;
}

void smi_wire_end_encode(const struct smi_wire_end *end, uint8_t *payload)
{
	smi_wire_put_u64(payload, end->records);
	totals_encode(&end->totals, payload + 8);
	smi_wire_put_u32(payload + 32, end->rounds);
	smi_wire_put_u32(payload + 36, 0);
}

int smi_wire_end_decode(const uint8_t *payload, size_t length,
			struct smi_wire_end *ret_end, struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint64_t records = byte_cursor_read_u64(&cursor);
	struct smi_wire_totals totals = totals_read(&cursor);
	uint32_t rounds = byte_cursor_read_u32(&cursor);
	uint32_t reserved = byte_cursor_read_u32(&cursor);

	if (!byte_cursor_is_done(&cursor) || reserved)
		return malformed("END", length, err);
	*ret_end = (struct smi_wire_end){
		.records = records, .totals = totals, .rounds = rounds};
	return 0;
}

size_t smi_wire_reason_encode(uint32_t code, const char *sentence,
			      uint8_t *payload)
{
	size_t length;

	if (!sentence[0])
		sentence = "no reason given";
	length = strnlen(sentence, SMI_WIRE_MAX_SENTENCE);
	smi_wire_put_u32(payload, code);
	memcpy(payload + 4, sentence, length);
	return 4 + length;
}

int smi_wire_reason_decode(const uint8_t *payload, size_t length,
			   struct smi_wire_reason *ret_reason,
			   struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint32_t code = byte_cursor_read_u32(&cursor);

	if (cursor.failed || !cursor.left_bytes ||
	    cursor.left_bytes > SMI_WIRE_MAX_SENTENCE)
		return malformed("ABORT or REFUSE", length, err);
	ret_reason->code = code;
	smi_wire_text(ret_reason->sentence, sizeof(ret_reason->sentence),
		      cursor.at, cursor.left_bytes);
	return 0;
}

static bool is_code_known(uint32_t type, uint32_t code)
{
	if (type == SMI_WIRE_ABORT && code == SMI_WIRE_REFUSE_STATE)
		return false;
	return code >= SMI_WIRE_REFUSE_CANCELLED &&
	       code <= SMI_WIRE_REFUSE_LIMIT;
}

int smi_wire_reason_error(uint32_t type, const uint8_t *payload, size_t length,
			  struct smudge_error *err)
{
	const char *what = type == SMI_WIRE_ABORT ? "the source gave up"
						  : "the destination refused";
	struct smi_wire_reason reason;
	int ret = smi_wire_reason_decode(payload, length, &reason, err);

	if (ret < 0)
		return ret;
	if (is_code_known(type, reason.code))
		return smudge_error_set(err, -EREMOTEIO, "peer", "%s: %s", what,
					reason.sentence);
	return smudge_error_set(err, -EREMOTEIO, "peer",
				"%s (code %" PRIu32 "): %s", what, reason.code,
				reason.sentence);
}

static const char state_name[] = SMI_WIRE_STATE_NAME;

#define STATE_NAME_BYTES (sizeof(state_name) - 1)

size_t smi_wire_state_head_bytes(void)
{
	return 4 + STATE_NAME_BYTES;
}

void smi_wire_state_head_encode(uint8_t *payload)
{
	smi_wire_put_u32(payload, STATE_NAME_BYTES);
	memcpy(payload + 4, state_name, STATE_NAME_BYTES);
}

int smi_wire_state_decode(const uint8_t *payload, size_t length,
			  struct smi_wire_state *ret_state,
			  struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint32_t name_length = byte_cursor_read_u32(&cursor);
	const uint8_t *name = byte_cursor_read(&cursor, name_length);
	char shown[SMI_WIRE_MAX_NAME + 1];

	if (!name || !name_length || name_length > SMI_WIRE_MAX_NAME)
		return malformed("STATE", length, err);
	smi_wire_text(shown, sizeof(shown), name, name_length);
	if (strcmp(shown, state_name))
		return smudge_error_set(err, -EBADMSG, "wire",
					"a STATE record has a section '%s', "
					"which is not known here",
					shown);
	ret_state->bytes = cursor.at;
	ret_state->length = cursor.left_bytes;
	return 0;
}

int smi_wire_empty_decode(size_t length, struct smudge_error *err)
{
	if (!length)
		return 0;
	return malformed("payload-free", length, err);
}
