/* SPDX-License-Identifier: MIT */
/*
 * What each record of the sender does at the receiver.
 *
 * A record has passed the link (header, cap, checksum) and the sequence (is
 * this type due?) before it comes here. Its handler decodes the payload wholly,
 * compares it with what came before, and then acts. The machine is the
 * receiver's when GO was accepted.
 */
#include "migrate/receiver_records.h"

#include <stdlib.h>

#include "migrate/handle.h"
#include "migrate/receiver_pages.h"
#include "migrate/receiver_round1.h"
#include "sys/clock.h"
#include "sys/error.h"

void smi_receiver_progress(struct smi_receiver *receiver)
{
	struct smudge_migrate_stats *stats = &receiver->stats;

	receiver->last_progress_ns = smi_sys_now_ns();
	stats->elapsed_ns = receiver->last_progress_ns - receiver->start_ns;
	stats->round = receiver->sequence.round;
	stats->sent_bytes =
		smi_channel_received_bytes(smi_receiver_channel(receiver));
	stats->sent_pages = receiver->sequence.totals.pages;
	stats->zero_pages = receiver->sequence.totals.zero_pages;
	stats->round_sent_pages = receiver->sequence.round_totals.pages;
	stats->size = sizeof(*stats);
	smi_migration_publish(receiver->migration, stats);
	if (receiver->options.progress)
		receiver->options.progress(stats, receiver->options.opaque);
}

static int on_region_table(struct smi_receiver *receiver,
			   const uint8_t *payload, size_t length)
{
	struct smi_wire_region *theirs;
	size_t ntheirs;
	int ret = smi_wire_region_table_decode(payload, length, &theirs,
					       &ntheirs, &receiver->err);

	if (ret < 0)
		return ret;
	ret = smi_regions_compare(&receiver->regions, theirs, ntheirs,
				  &receiver->err);
	free(theirs);
	if (!ret)
		ret = smi_round1_seen_begin(receiver);
	if (ret < 0)
		return ret;
	receiver->stats.phase = SMUDGE_MIGRATE_ROUNDS;
	smi_receiver_progress(receiver);
	/* From here on the line and the machine decide how long it takes. */
	smi_channel_clear_deadline(smi_receiver_channel(receiver));
	return smi_link_send_empty(&receiver->link, SMI_WIRE_READY,
				   &receiver->err);
}

static int on_round_begin(struct smi_receiver *receiver, const uint8_t *payload,
			  size_t length)
{
	struct smi_wire_round_begin begin;
	int ret = smi_wire_round_begin_decode(payload, length, &begin,
					      &receiver->err);

	if (ret < 0)
		return ret;
	if (begin.final)
		receiver->stats.phase = SMUDGE_MIGRATE_SWITCHOVER;
	return smi_wire_sequence_round_begin(&receiver->sequence, &begin,
					     &receiver->err);
}

static int on_round_end(struct smi_receiver *receiver, const uint8_t *payload,
			size_t length)
{
	uint8_t ack[SMI_WIRE_HEADER_BYTES + SMI_WIRE_ROUND_ACK_BYTES];
	struct smi_wire_round_end end;
	int ret = smi_wire_round_end_decode(payload, length, &end,
					    &receiver->err);

	if (ret < 0)
		return ret;
	ret = smi_wire_sequence_round_end(&receiver->sequence, &end,
					  &receiver->err);
	if (ret < 0)
		return ret;
	smi_round1_seen_end(receiver);
	smi_receiver_progress(receiver);
	if (receiver->sequence.final)
		return 0;
	smi_wire_round_ack_encode(end.round, ack + SMI_WIRE_HEADER_BYTES);
	return smi_link_send(&receiver->link, ack, SMI_WIRE_ROUND_ACK,
			     SMI_WIRE_ROUND_ACK_BYTES, &receiver->err);
}

/* The state is loaded at END; until then it stays where it was received. */
static int on_state(struct smi_receiver *receiver, const uint8_t *payload,
		    size_t length)
{
	int ret = smi_wire_state_decode(payload, length, &receiver->state,
					&receiver->err);

	if (!ret)
		receiver->state_record = smi_link_take_record(&receiver->link);
	return ret;
}

static int load_state(struct smi_receiver *receiver)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = receiver->options.state_load(receiver->options.opaque,
					       receiver->state.bytes,
					       receiver->state.length, &own);

	ret = smi_sys_callback_check(&own, ret, "machine", "state_load");
	if (ret == 0)
		return 0;
	receiver->is_state_refused = true;
	smudge_error_set(&own, ret, "machine",
			 "the machine's state could not be loaded");
	smi_sys_error_keep(&receiver->err, &own);
	return ret;
}

static int on_end(struct smi_receiver *receiver, const uint8_t *payload,
		  size_t length)
{
	struct smi_wire_end end;
	int ret = smi_wire_end_decode(payload, length, &end, &receiver->err);

	if (ret < 0)
		return ret;
	ret = smi_wire_sequence_end(&receiver->sequence, &end, &receiver->err);
	if (ret < 0)
		return ret;
	ret = load_state(receiver);
	if (ret < 0)
		return ret;
	/* GO is due now. A sender that only sends other things ends here. */
	smi_channel_set_deadline(smi_receiver_channel(receiver), 1);
	return smi_link_send_empty(&receiver->link, SMI_WIRE_ACK,
				   &receiver->err);
}

static int on_go(struct smi_receiver *receiver, size_t length)
{
	struct smudge_error ignored = {0};
	int ret = smi_wire_empty_decode(length, &receiver->err);

	if (ret < 0)
		return ret;
	ret = smi_channel_commit(smi_receiver_channel(receiver),
				 &receiver->err);
	if (ret < 0)
		return ret;
	/* The machine may run here, whether or not RECEIPT arrives. */
	receiver->is_handed_over = true;
	smi_channel_clear_deadline(smi_receiver_channel(receiver));
	(void)smi_link_send_empty(&receiver->link, SMI_WIRE_RECEIPT, &ignored);
	return 0;
}

int smi_receiver_record(struct smi_receiver *receiver,
			const struct smi_wire_header *header)
{
	const uint8_t *payload = smi_link_payload(&receiver->link);
	size_t length = header->length;

	switch (header->type) {
	case SMI_WIRE_REGION_TABLE:
		return on_region_table(receiver, payload, length);
	case SMI_WIRE_ROUND_BEGIN:
		return on_round_begin(receiver, payload, length);
	case SMI_WIRE_PAGES:
	case SMI_WIRE_ZERO:
		return smi_receiver_pages(receiver, header);
	case SMI_WIRE_ROUND_END:
		return on_round_end(receiver, payload, length);
	case SMI_WIRE_STATE:
		return on_state(receiver, payload, length);
	case SMI_WIRE_END:
		return on_end(receiver, payload, length);
	case SMI_WIRE_GO:
		return on_go(receiver, length);
	case SMI_WIRE_ABORT:
		return smi_wire_reason_error(header->type, payload, length,
					     &receiver->err);
	default: /* unknown: skipped */
		return 0;
	}
}
