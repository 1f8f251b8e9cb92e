/* SPDX-License-Identifier: MIT */
/*
 * The small records: round markers, totals, state, refusals.
 *
 * An encoder writes exactly as many bytes as format.h has for its record. A
 * decoder accepts any bytes and returns 0, or -EBADMSG with a sentence in @err.
 */
#ifndef LIB_WIRE_CONTROL_H
#define LIB_WIRE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "wire/format.h"

struct smi_wire_round_begin {
	uint32_t round;
	bool final;
	uint64_t expected_pages;
};

/* Of a round, or of the whole stream. */
struct smi_wire_totals {
	uint64_t pages; /* in PAGES records */
	uint64_t zero_pages;
	uint64_t content_bytes;
};

struct smi_wire_round_end {
	uint32_t round;
	struct smi_wire_totals totals;
};

struct smi_wire_end {
	uint64_t records;
	struct smi_wire_totals totals;
	uint32_t rounds;
};

/* ABORT or REFUSE; the sentence is fit for a terminal. */
struct smi_wire_reason {
	uint32_t code;
	char sentence[SMI_WIRE_MAX_SENTENCE + 1];
};

/* STATE; @bytes points into the payload. */
struct smi_wire_state {
	const uint8_t *bytes;
	size_t length;
};

void smi_wire_round_begin_encode(const struct smi_wire_round_begin *begin,
				 uint8_t *payload);
int smi_wire_round_begin_decode(const uint8_t *payload, size_t length,
				struct smi_wire_round_begin *ret_begin,
				struct smudge_error *err);

void smi_wire_round_end_encode(const struct smi_wire_round_end *end,
			       uint8_t *payload);
int smi_wire_round_end_decode(const uint8_t *payload, size_t length,
			      struct smi_wire_round_end *ret_end,
			      struct smudge_error *err);

void smi_wire_round_ack_encode(uint32_t round, uint8_t *payload);
int smi_wire_round_ack_decode(const uint8_t *payload, size_t length,
			      uint32_t *ret_round, struct smudge_error *err);

void smi_wire_end_encode(const struct smi_wire_end *end, uint8_t *payload);
int smi_wire_end_decode(const uint8_t *payload, size_t length,
			struct smi_wire_end *ret_end, struct smudge_error *err);

/* An empty sentence becomes "no reason given". Return: bytes written, at most
 * SMI_WIRE_MAX_REASON. */
size_t smi_wire_reason_encode(uint32_t code, const char *sentence,
			      uint8_t *payload);
int smi_wire_reason_decode(const uint8_t *payload, size_t length,
			   struct smi_wire_reason *ret_reason,
			   struct smudge_error *err);

/*
 * smi_wire_reason_error - note why the peer ended the migration
 * @type: SMI_WIRE_ABORT or SMI_WIRE_REFUSE
 * @payload, @length: of its record
 *
 * A code that is not assigned is shown as a number.
 * Return: -EREMOTEIO, or -EBADMSG when the payload is malformed.
 */
int smi_wire_reason_error(uint32_t type, const uint8_t *payload, size_t length,
			  struct smudge_error *err);

/* The part of a STATE payload in front of the state: its size, its encoder. */
size_t smi_wire_state_head_bytes(void);
void smi_wire_state_head_encode(uint8_t *payload);
int smi_wire_state_decode(const uint8_t *payload, size_t length,
			  struct smi_wire_state *ret_state,
			  struct smudge_error *err);

/* READY, ACK, GO, RECEIPT: their payload must be empty. */
int smi_wire_empty_decode(size_t length, struct smudge_error *err);

#endif
