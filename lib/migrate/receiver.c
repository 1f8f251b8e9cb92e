/* SPDX-License-Identifier: MIT */
/*
 * Receiving a machine from a peer that is not trusted.
 *
 * Each record passes the same gates: header and cap, checksum, order, form,
 * and then its own meaning. The first that says no ends the migration with
 * one sentence, which the peer gets too. The machine is ours when GO came.
 */
#include "migrate/receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/handle.h"
#include "migrate/outcome.h"
#include "sys/clock.h"
#include "sys/error.h"

#define PROGRESS_NS UINT64_C(100000000)
/* Less than a program that is told to end has. */
#define DRAIN_NS UINT64_C(250000000)

static struct smi_channel *channel_of(struct smi_receiver *receiver)
{
	return smi_link_channel(&receiver->link);
}

static void progress(struct smi_receiver *receiver)
{
	struct smudge_migrate_stats *stats = &receiver->stats;

	receiver->last_progress_ns = smi_sys_now_ns();
	stats->elapsed_ns = receiver->last_progress_ns - receiver->start_ns;
	stats->round = receiver->order.round;
	stats->sent_bytes = smi_channel_received_bytes(channel_of(receiver));
	stats->sent_pages = receiver->order.totals.pages;
	stats->zero_pages = receiver->order.totals.zero_pages;
	stats->round_sent_pages = receiver->order.round_totals.pages;
	smi_migration_publish(receiver->migration, stats);
	if (receiver->options.progress)
		receiver->options.progress(*stats, receiver->options.opaque);
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
		ret = smi_once_begin(receiver);
	if (ret < 0)
		return ret;
	receiver->stats.phase = SMUDGE_MIGRATE_ROUNDS;
	progress(receiver);
	/* How long the rounds take is the line's and the machine's affair. */
	smi_channel_clear_deadline(channel_of(receiver));
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
	return smi_wire_order_round_begin(&receiver->order, &begin,
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
	ret = smi_wire_order_round_end(&receiver->order, &end, &receiver->err);
	if (ret < 0)
		return ret;
	smi_once_end(receiver);
	progress(receiver);
	if (receiver->order.final)
		return 0;
	smi_wire_round_ack_encode(end.round, ack + SMI_WIRE_HEADER_BYTES);
	return smi_link_send(&receiver->link, ack, SMI_WIRE_ROUND_ACK,
			     SMI_WIRE_ROUND_ACK_BYTES, &receiver->err);
}

/* The state is used at END; until then it stays where it was received. */
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
	ret = smi_wire_order_end(&receiver->order, &end, &receiver->err);
	if (ret < 0)
		return ret;
	ret = load_state(receiver);
	if (ret < 0)
		return ret;
	/* GO is due now: a sender that only keeps us busy ends here. */
	smi_channel_set_deadline(channel_of(receiver), 1);
	return smi_link_send_empty(&receiver->link, SMI_WIRE_ACK,
				   &receiver->err);
}

static int on_go(struct smi_receiver *receiver, size_t length)
{
	struct smudge_error ignored = {0};
	int ret = smi_wire_empty_decode(length, &receiver->err);

	if (ret < 0)
		return ret;
	ret = smi_channel_commit(channel_of(receiver), &receiver->err);
	if (ret < 0)
		return ret;
	/* The machine is ours, whether or not the sender hears of it. */
	receiver->is_handed_over = true;
	smi_channel_clear_deadline(channel_of(receiver));
	(void)smi_link_send_empty(&receiver->link, SMI_WIRE_RECEIPT, &ignored);
	return 0;
}

static int handle_record(struct smi_receiver *receiver,
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
		return smi_wire_speech_error(header->type, payload, length,
					     &receiver->err);
	default: /* skippable */
		return 0;
	}
}

static int receive_all(struct smi_receiver *receiver)
{
	int ret;

	smi_channel_set_deadline(channel_of(receiver), 1);
	ret = smi_link_greet(&receiver->link, &receiver->err);
	while (ret >= 0 && receiver->order.place != SMI_WIRE_FINISHED) {
		struct smi_wire_header header;

		ret = smi_link_receive(&receiver->link, &header,
				       &receiver->err);
		if (ret >= 0)
			ret = smi_wire_order_record(&receiver->order, &header,
						    &receiver->err);
		if (ret >= 0)
			ret = handle_record(receiver, &header);
		if (smi_sys_now_ns() - receiver->last_progress_ns >=
		    PROGRESS_NS)
			progress(receiver);
	}
	return ret;
}

/* Our sending failed: the reason may lie in what the sender said last. */
static int look_for_abort(struct smi_receiver *receiver, int error)
{
	struct smi_link *link = &receiver->link;
	struct smi_channel *channel = smi_link_channel(link);
	struct smi_wire_header header;
	struct smudge_error ignored = {0};

	if ((error != -EPIPE && error != -ECONNRESET) ||
	    smi_channel_received_bytes(channel) < SMI_WIRE_GREETING_BYTES)
		return error;
	smi_channel_set_timeout(channel, DRAIN_NS);
	smi_channel_set_deadline(channel, 1);
	while (smi_channel_has_input(channel) &&
	       !smi_link_receive(link, &header, &ignored)) {
		if (header.type != SMI_WIRE_ABORT)
			continue;
		receiver->failed_at_bytes = smi_link_record_offset_bytes(link);
		receiver->order.place = SMI_WIRE_ABORTED;
		receiver->err = (struct smudge_error){0};
		return handle_record(receiver, &header);
	}
	return error;
}

static uint32_t refuse_code(const struct smi_receiver *receiver, int error)
{
	if (receiver->is_state_refused)
		return SMI_WIRE_REFUSE_STATE;
	switch (error) {
	case -ECANCELED:
		return SMI_WIRE_REFUSE_CANCELLED;
	case -EBADMSG:
		return SMI_WIRE_REFUSE_DAMAGED;
	case -EPROTO:
		return SMI_WIRE_REFUSE_ORDER;
	case -ENXIO:
		return SMI_WIRE_REFUSE_REGIONS;
	case -EPROTONOSUPPORT:
		return SMI_WIRE_REFUSE_FEATURE;
	case -EOVERFLOW:
	case -ETIMEDOUT:
		return SMI_WIRE_REFUSE_LIMIT;
	default:
		return SMI_WIRE_REFUSE_LOCAL;
	}
}

static void refuse(struct smi_receiver *receiver, int error)
{
	struct smi_link *link = &receiver->link;

	receiver->err.stream_offset_bytes = receiver->failed_at_bytes;
	if (receiver->order.place != SMI_WIRE_ABORTED)
		smi_link_send_final(link, SMI_WIRE_REFUSE,
				    refuse_code(receiver, error),
				    receiver->err.message);
	if (error != -ECONNRESET && error != -EPIPE)
		smi_channel_drain(smi_link_channel(link), DRAIN_NS);
	smi_channel_shutdown(smi_link_channel(link));
}

static int copy_options(struct smi_receiver *receiver,
			const struct smudge_migrate_receive_options *options)
{
	struct smudge_migrate_receive_options *to = &receiver->options;

	if (options)
		memcpy(to, options,
		       options->size < sizeof(*to) ? options->size
						   : sizeof(*to));
	if (!to->size)
		return smudge_error_set(&receiver->err, -EINVAL, "migrate",
					"the options of a receive have no "
					"size");
	if (!to->state_load)
		return smudge_error_set(&receiver->err, -EINVAL, "migrate",
					"a receive needs a state_load");
	return 0;
}

static int prepare(struct smi_receiver *receiver, struct smudge_memory *memory)
{
	int ret = smi_regions_list(memory, &receiver->regions, &receiver->err);

	if (ret < 0)
		return ret;
	receiver->stats.total_bytes = receiver->regions.size_bytes;
	receiver->order.memory_pages =
		receiver->regions.size_bytes >> SMI_WIRE_PAGE_SHIFT;
	return 0;
}

static struct smi_migrate_outcome outcome(struct smi_receiver *receiver,
					  int error)
{
	const struct smi_migrate_facts facts = {
		.error = error,
		.is_given_up = error == -ECANCELED &&
			       smi_channel_was_cancelled(channel_of(receiver)),
		.is_handed_over = receiver->is_handed_over,
		.is_confirmed = receiver->is_handed_over,
	};

	return smi_migrate_outcome(&facts);
}

/* Return: what smudge_migrate_receive returns. */
static int finish(struct smi_receiver *receiver, int error)
{
	struct smi_migrate_outcome end = outcome(receiver, error);

	if (end.error < 0) {
		receiver->err.code = end.error;
		refuse(receiver, end.error);
	}
	receiver->stats.phase = end.phase;
	progress(receiver);
	/* Who is told that it is too late to cancel can see the end already. */
	(void)smi_migration_commit(receiver->migration);
	return end.error;
}

static int run(struct smi_receiver *receiver, struct smudge_memory *memory,
	       int fd)
{
	const struct smi_channel_options options =
		smi_migration_channel_options(
			receiver->migration, receiver->options.peer_timeout_ns);
	int ret = smi_transport_socket_open(&receiver->socket, fd,
					    &receiver->err);

	/* From here on the peer is told what fails. */
	if (!ret) {
		smi_link_open(&receiver->link, &receiver->socket.base, &options,
			      SMI_WIRE_SENDER);
		ret = prepare(receiver, memory);
		if (!ret)
			ret = receive_all(receiver);
		receiver->failed_at_bytes =
			smi_link_record_offset_bytes(&receiver->link);
		ret = look_for_abort(receiver, ret);
	}
	return finish(receiver, ret);
}

int smudge_migrate_receive(struct smudge_migration *migration,
			   struct smudge_memory *memory, int fd,
			   const struct smudge_migrate_receive_options *options,
			   struct smudge_error *err)
{
	struct smi_receiver receiver = {.migration = migration,
					.start_ns = smi_sys_now_ns()};
	int ret;

	smudge_error_clear(err);
	ret = copy_options(&receiver, options);
	if (!ret)
		ret = smi_migration_begin(migration, &receiver.err);
	if (!ret) {
		ret = run(&receiver, memory, fd);
		smi_migration_end(migration);
	}
	free(receiver.state_record);
	smi_once_end(&receiver);
	smi_link_close(&receiver.link);
	smi_regions_free(&receiver.regions);
	if (ret < 0)
		smi_sys_error_keep(err, &receiver.err);
	return ret;
}
