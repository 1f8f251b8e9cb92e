/* SPDX-License-Identifier: MIT */
/*
 * Receiving a machine from a peer that is not trusted: the beginning, the loop
 * over the records, and the end. A failure is reported to the peer in one
 * sentence, unless it has ended the migration itself.
 */
#include "migrate/receiver_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/handle.h"
#include "migrate/outcome.h"
#include "migrate/receiver_records.h"
#include "migrate/receiver_round1.h"
#include "sys/clock.h"
#include "sys/error.h"
#include "sys/options.h"

#define PROGRESS_NS UINT64_C(100000000)
/* Shorter than the second within which a program should end after SIGTERM. */
#define DRAIN_NS UINT64_C(250000000)

static int receive_all(struct smi_receiver *receiver)
{
	int ret;

	smi_channel_set_deadline(smi_receiver_channel(receiver), 1);
	ret = smi_link_greet(&receiver->link, &receiver->err);
	while (ret >= 0 && receiver->sequence.state != SMI_WIRE_FINISHED) {
		struct smi_wire_header header;

		ret = smi_link_receive(&receiver->link, &header,
				       &receiver->err);
		if (ret >= 0)
			ret = smi_wire_sequence_record(&receiver->sequence,
						       &header, &receiver->err);
		if (ret >= 0)
			ret = smi_receiver_record(receiver, &header);
		if (smi_sys_now_ns() - receiver->last_progress_ns >=
		    PROGRESS_NS)
			smi_receiver_progress(receiver);
	}
	return ret;
}

/* A send failed: perhaps the sender's last record is an ABORT. */
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
		receiver->sequence.state = SMI_WIRE_ABORTED;
		receiver->err = (struct smudge_error){0};
		return smi_receiver_record(receiver, &header);
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
	if (receiver->sequence.state != SMI_WIRE_ABORTED)
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

	int ret = smi_sys_options_copy(
		to, options,
		SMI_SYS_SHAPE(smudge_migrate_receive_options, state_load),
		"migrate", &receiver->err);

	if (ret < 0)
		return ret;
	if (!to->state_load)
		return smudge_error_set(&receiver->err, -EINVAL, "migrate",
					"a receive needs a state_load");
	return 0;
}

/* Pages are written to where the host maps them. */
static int check_mapped(const struct smi_regions *regions,
			struct smudge_error *err)
{
	for (size_t i = 0; i < regions->nregions; i++) {
		const struct smudge_region *region = regions->regions[i];

		if (!smudge_region_hva(region))
			return smudge_error_set(
				err, -EINVAL, "migrate",
				"region %s has no hva, so no page can be "
				"received into it",
				smudge_region_name(region));
	}
	return 0;
}

static int prepare(struct smi_receiver *receiver, struct smudge_memory *memory)
{
	int ret = smi_regions_list(memory, &receiver->regions, &receiver->err);

	if (ret < 0)
		return ret;
	ret = check_mapped(&receiver->regions, &receiver->err);
	if (ret < 0)
		return ret;
	receiver->stats.total_bytes = receiver->regions.size_bytes;
	receiver->sequence.memory_pages =
		receiver->regions.size_bytes >> SMI_WIRE_PAGE_SHIFT;
	return 0;
}

static struct smi_migrate_outcome outcome(struct smi_receiver *receiver,
					  int error)
{
	const struct smi_migrate_facts facts = {
		.error = error,
		.is_given_up = error == -ECANCELED &&
			       smi_channel_was_cancelled(
				       smi_receiver_channel(receiver)),
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
	smi_receiver_progress(receiver);
	/* Last: if a cancel is refused, the statistics show the end. */
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

	/* From here on a failure is reported to the peer. */
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
	smi_round1_seen_end(&receiver);
	smi_link_close(&receiver.link);
	smi_regions_free(&receiver.regions);
	if (ret < 0)
		smi_sys_error_keep(err, &receiver.err);
	return ret;
}
