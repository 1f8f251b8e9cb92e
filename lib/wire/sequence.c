/* SPDX-License-Identifier: MIT */
/*
 * Which record may follow which, and whether the totals are right.
 *
 * A hostile stream may make the counters wrap. That does no harm: they are
 * unsigned, only compared for equality, and are neither an index nor a size.
 */
#include "wire/sequence.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

static const struct step {
	enum smi_wire_sequence_state state;
	uint32_t type;
	enum smi_wire_sequence_state next;
} steps[] = {
	{SMI_WIRE_GREETED, SMI_WIRE_REGION_TABLE, SMI_WIRE_BETWEEN_ROUNDS},
	{SMI_WIRE_BETWEEN_ROUNDS, SMI_WIRE_ROUND_BEGIN, SMI_WIRE_IN_ROUND},
	{SMI_WIRE_IN_ROUND, SMI_WIRE_PAGES, SMI_WIRE_IN_ROUND},
	{SMI_WIRE_IN_ROUND, SMI_WIRE_ZERO, SMI_WIRE_IN_ROUND},
	{SMI_WIRE_IN_ROUND, SMI_WIRE_ROUND_END, SMI_WIRE_BETWEEN_ROUNDS},
	{SMI_WIRE_WANTS_STATE, SMI_WIRE_STATE, SMI_WIRE_WANTS_END},
	{SMI_WIRE_WANTS_END, SMI_WIRE_END, SMI_WIRE_WANTS_GO},
	{SMI_WIRE_WANTS_GO, SMI_WIRE_GO, SMI_WIRE_FINISHED},
};

static const char *const state_names[] = {
	[SMI_WIRE_GREETED] = "before the region table",
	[SMI_WIRE_BETWEEN_ROUNDS] = "between rounds",
	[SMI_WIRE_IN_ROUND] = "inside a round",
	[SMI_WIRE_WANTS_STATE] = "after the final round",
	[SMI_WIRE_WANTS_END] = "after the state",
	[SMI_WIRE_WANTS_GO] = "after the end",
	[SMI_WIRE_FINISHED] = "after the machine was handed over",
	[SMI_WIRE_ABORTED] = "after an abort",
};

int smi_wire_sequence_record(struct smi_wire_sequence *sequence,
			     const struct smi_wire_header *header,
			     struct smudge_error *err)
{
	sequence->records++;
	if (smi_wire_is_unknown(header))
		return 0;
	if (header->type == SMI_WIRE_ABORT &&
	    sequence->state < SMI_WIRE_FINISHED) {
		sequence->state = SMI_WIRE_ABORTED;
		return 0;
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].state != sequence->state ||
		    steps[i].type != header->type)
			continue;
		sequence->state = steps[i].next;
		return 0;
	}
	return smudge_error_set(err, -EPROTO, "order",
				"this %s record is out of order: it came %s",
				smi_wire_type_name(header->type),
				state_names[sequence->state]);
}

int smi_wire_sequence_round_begin(struct smi_wire_sequence *sequence,
				  const struct smi_wire_round_begin *begin,
				  struct smudge_error *err)
{
	if (begin->round != sequence->round + 1 || !begin->round)
		return smudge_error_set(err, -EPROTO, "order",
					"round %" PRIu32
					" begins after round %" PRIu32,
					begin->round, sequence->round);
	if (begin->round > SMI_WIRE_MAX_ROUNDS)
		return smudge_error_set(err, -EOVERFLOW, "order",
					"round %" PRIu32
					" begins, but a stream has %u at most",
					begin->round, SMI_WIRE_MAX_ROUNDS);
	if (begin->round == 1 && begin->final)
		return smudge_error_set(err, -EPROTO, "order",
					"round 1 must not be the final one");
	sequence->round = begin->round;
	sequence->final = begin->final;
	sequence->round_totals = (struct smi_wire_totals){0};
	return 0;
}

void smi_wire_sequence_pages(struct smi_wire_sequence *sequence,
			     uint64_t npages)
{
	sequence->round_totals.pages += npages;
	sequence->round_totals.content_bytes += npages * SMI_WIRE_PAGE_BYTES;
	sequence->totals.pages += npages;
	sequence->totals.content_bytes += npages * SMI_WIRE_PAGE_BYTES;
}

void smi_wire_sequence_zero(struct smi_wire_sequence *sequence, uint64_t npages)
{
	sequence->round_totals.zero_pages += npages;
	sequence->totals.zero_pages += npages;
}

static int compare(const char *record, const char *what, uint64_t claimed,
		   uint64_t counted, struct smudge_error *err)
{
	if (claimed == counted)
		return 0;
	return smudge_error_set(err, -EPROTO, "order",
				"%s claims %" PRIu64 " %s, but %" PRIu64
				" came",
				record, claimed, what, counted);
}

static int compare_totals(const struct smi_wire_totals *claimed,
			  const struct smi_wire_totals *counted,
			  const char *record, struct smudge_error *err)
{
	int ret = compare(record, "pages with content", claimed->pages,
			  counted->pages, err);

	if (ret == 0)
		ret = compare(record, "zero pages", claimed->zero_pages,
			      counted->zero_pages, err);
	if (ret == 0)
		ret = compare(record, "bytes of content",
			      claimed->content_bytes, counted->content_bytes,
			      err);
	return ret;
}

int smi_wire_sequence_round_end(struct smi_wire_sequence *sequence,
				const struct smi_wire_round_end *end,
				struct smudge_error *err)
{
	const struct smi_wire_totals *counted = &sequence->round_totals;
	int ret;

	if (end->round != sequence->round)
		return smudge_error_set(err, -EPROTO, "order",
					"round %" PRIu32
					" ends inside round %" PRIu32,
					end->round, sequence->round);
	ret = compare_totals(&end->totals, counted, "ROUND_END", err);
	if (ret < 0)
		return ret;
	if (sequence->round == 1 &&
	    counted->pages + counted->zero_pages != sequence->memory_pages)
		return smudge_error_set(err, -EPROTO, "order",
					"round 1 brought %" PRIu64
					" pages, the memory has %" PRIu64,
					counted->pages + counted->zero_pages,
					sequence->memory_pages);
	if (sequence->final)
		sequence->state = SMI_WIRE_WANTS_STATE;
	return 0;
}

int smi_wire_sequence_end(struct smi_wire_sequence *sequence,
			  const struct smi_wire_end *end,
			  struct smudge_error *err)
{
	uint64_t records = sequence->records - 1; /* END is not counted */
	int ret = compare("END", "records", end->records, records, err);

	if (ret == 0)
		ret = compare("END", "rounds", end->rounds, sequence->round,
			      err);
	if (ret < 0)
		return ret;
	return compare_totals(&end->totals, &sequence->totals, "END", err);
}
