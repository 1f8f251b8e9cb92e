/* SPDX-License-Identifier: MIT */
/*
 * The order of the sender's records and the totals they must add up to:
 * sections 4 and 5 of docs/protocol.md as a state machine without I/O.
 *
 * Every call takes the next record of the stream; 0 means that it was
 * allowed and counted, -EPROTO or -EOVERFLOW (too many rounds) that the stream
 * must be refused.
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
 * smi_wire_sequence_record - may a record of this type come now?
 *
 * Called for each record first. Records with content of their own then go
 * to one of the calls below; the others have changed the state already.
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
