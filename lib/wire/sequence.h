/* SPDX-License-Identifier: MIT */
/*
 * The sequence of the sender's records and the totals that they must add up to:
 * sections 4 and 5 of docs/protocol.md as a state machine without I/O.
 *
 * Each call takes the next record of the stream. It returns 0 if the record is
 * allowed, and counts it; -EPROTO or -EOVERFLOW (too many rounds) mean that the
 * stream must be refused.
 */
#ifndef LIB_WIRE_SEQUENCE_H
#define LIB_WIRE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "wire/control.h"
#include "wire/record.h"

enum smi_wire_sequence_state {
	SMI_WIRE_GREETED,
	SMI_WIRE_BETWEEN_ROUNDS,
	SMI_WIRE_IN_ROUND,
	SMI_WIRE_WANTS_STATE,
	SMI_WIRE_WANTS_END,
	SMI_WIRE_WANTS_GO,
	SMI_WIRE_FINISHED,
	SMI_WIRE_ABORTED,
};

struct smi_wire_sequence {
	enum smi_wire_sequence_state state;
	uint32_t round;
	bool final;
	uint64_t memory_pages; /* wire pages of all regions */
	uint64_t records;
	struct smi_wire_totals round_totals;
	struct smi_wire_totals totals;
};

/*
 * smi_wire_sequence_record - is a record of this type due?
 *
 * Called first, for each record; it changes the state. A record with a payload
 * to compare then goes to one of the calls below.
 */
int smi_wire_sequence_record(struct smi_wire_sequence *sequence,
			     const struct smi_wire_header *header,
			     struct smudge_error *err);

int smi_wire_sequence_round_begin(struct smi_wire_sequence *sequence,
				  const struct smi_wire_round_begin *begin,
				  struct smudge_error *err);
void smi_wire_sequence_pages(struct smi_wire_sequence *sequence,
			     uint64_t npages);
void smi_wire_sequence_zero(struct smi_wire_sequence *sequence,
			    uint64_t npages);
int smi_wire_sequence_round_end(struct smi_wire_sequence *sequence,
				const struct smi_wire_round_end *end,
				struct smudge_error *err);
int smi_wire_sequence_end(struct smi_wire_sequence *sequence,
			  const struct smi_wire_end *end,
			  struct smudge_error *err);

#endif
