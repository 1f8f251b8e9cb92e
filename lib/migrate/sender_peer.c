/* SPDX-License-Identifier: MIT */
/*
 * Records to the receiver, and its answers.
 *
 * The receiver may refuse at any time, also while pages are sent. So the sender
 * looks for input before each record and while a send waits. When a send fails,
 * it looks for a REFUSE first, which explains the failure.
 */
#include "migrate/sender_peer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sys/clock.h"

/* The receiver or the connection failed: choose the code of the ABORT. */
static int peer_failed(struct smi_sender *sender, int error)
{
	switch (error) {
	case -EBADMSG:
	case -EPROTO:
		sender->abort_code = SMI_WIRE_ABORT_PEER;
		break;
	case -EPROTONOSUPPORT:
		sender->abort_code = SMI_WIRE_ABORT_FEATURE;
		break;
	case -EOVERFLOW:
	case -ETIMEDOUT:
		sender->abort_code = SMI_WIRE_ABORT_LIMIT;
		break;
	case -ECANCELED:
		sender->abort_code = SMI_WIRE_ABORT_CANCELLED;
		break;
	default:
		sender->abort_code = SMI_WIRE_ABORT_LOCAL;
	}
	return error;
}

static int refused(struct smi_sender *sender, uint64_t length)
{
	sender->is_refused = true;
	return smi_wire_reason_error(SMI_WIRE_REFUSE,
				     smi_link_payload(&sender->link), length,
				     &sender->err);
}

/* Receive the next record that is not unknown. A REFUSE is an error. */
static int receive(struct smi_sender *sender,
		   struct smi_wire_header *ret_header)
{
	struct smi_wire_header header;
	int ret;

	do {
		ret = smi_link_receive(&sender->link, &header, &sender->err);
		if (ret < 0)
			return peer_failed(sender, ret);
	} while (smi_wire_is_unknown(&header));
	if (header.type == SMI_WIRE_REFUSE)
		return refused(sender, header.length);
	*ret_header = header;
	return 0;
}

static int unexpected(struct smi_sender *sender,
		      const struct smi_wire_header *header)
{
	peer_failed(sender, -EPROTO);
	return smudge_error_set(&sender->err, -EPROTO, "peer",
				"the destination sent a %s record when none "
				"was due",
				smi_wire_type_name(header->type));
}

/* Receive a record that is not due. Return: 0 (unknown: it is skipped), or an
 * error, also for a REFUSE. */
static int receive_undue(struct smi_sender *sender)
{
	struct smi_wire_header header;
	int ret = smi_link_receive(&sender->link, &header, &sender->err);

	if (ret < 0)
		return peer_failed(sender, ret);
	if (smi_wire_is_unknown(&header))
		return 0;
	if (header.type == SMI_WIRE_REFUSE)
		return refused(sender, header.length);
	return unexpected(sender, &header);
}

/* Receive all that has arrived. */
static int receive_arrived(struct smi_sender *sender)
{
	int ret = 0;

	while (!ret && smi_channel_has_input(smi_sender_channel(sender)))
		ret = receive_undue(sender);
	return ret;
}

/*
 * Send a record, and receive what the peer sends meanwhile. While the machine
 * is stopped, a peer that takes a few bytes now and then must not keep it
 * stopped: each record has a deadline, by its size.
 */
static int send_record(struct smi_sender *sender, uint8_t *record,
		       uint32_t type, uint64_t length, struct smudge_error *err)
{
	struct smi_link *link = &sender->link;
	struct smi_channel *channel = smi_link_channel(link);
	bool is_limited =
		sender->is_stopped && !smi_channel_has_deadline(channel);
	int ret;

	if (is_limited)
		smi_channel_set_deadline(channel, 1 + (length >> 20));
	ret = smi_link_send(link, record, type, length, err);
	while (ret == SMI_INTERRUPTED) {
		ret = receive_undue(sender);
		if (ret == 0)
			ret = smi_link_send_rest(link, record, length, err);
	}
	if (is_limited)
		smi_channel_clear_deadline(channel);
	return ret;
}

int smi_sender_send(struct smi_sender *sender, uint8_t *record, uint32_t type,
		    uint64_t length)
{
	struct smudge_error send_err = {0};
	uint64_t start_ns = smi_sys_now_ns();
	int ret = receive_arrived(sender);

	if (ret < 0)
		return ret;
	ret = send_record(sender, record, type, length, &send_err);
	sender->meter.send_ns += smi_sys_now_ns() - start_ns;
	if (ret == 0)
		return 0;
	if (ret != -ECANCELED && !sender->err.code)
		(void)receive_arrived(sender);
	/* Without a REFUSE, the error of the send says more. */
	if (send_err.code &&
	    (sender->err.code == 0 || sender->err.code == -ECONNRESET))
		sender->err = send_err;
	return peer_failed(sender, sender->err.code ? sender->err.code : ret);
}

static int check_answer(struct smi_sender *sender,
			const struct smi_wire_header *header)
{
	const uint8_t *payload = smi_link_payload(&sender->link);
	uint32_t wanted = sender->meter.stats.round;
	uint32_t round = wanted;
	int ret;

	if (header->type == SMI_WIRE_ROUND_ACK)
		ret = smi_wire_round_ack_decode(payload, header->length, &round,
						&sender->err);
	else
		ret = smi_wire_empty_decode(header->length, &sender->err);
	if (ret < 0)
		return peer_failed(sender, ret);
	if (round == wanted)
		return 0;
	peer_failed(sender, -EPROTO);
	return smudge_error_set(&sender->err, -EPROTO, "peer",
				"the destination acknowledged round %" PRIu32
				" instead of round %" PRIu32,
				round, wanted);
}

int smi_sender_wait(struct smi_sender *sender, uint32_t type)
{
	struct smi_channel *channel = smi_sender_channel(sender);
	struct smi_wire_header header = {0};
	bool is_limited = !smi_channel_has_deadline(channel);
	int ret;

	if (is_limited)
		smi_channel_set_deadline(channel, 1);
	ret = receive(sender, &header);
	if (is_limited)
		smi_channel_clear_deadline(channel);
	if (ret < 0)
		return ret;
	if (header.type != type)
		return unexpected(sender, &header);
	return check_answer(sender, &header);
}

static int send_region_table(struct smi_sender *sender)
{
	struct smi_regions *regions = &sender->regions;
	size_t length =
		smi_wire_region_table_bytes(regions->table, regions->nregions);
	uint8_t *record = malloc(SMI_WIRE_HEADER_BYTES + length);
	int ret;

	if (!record)
		return smudge_error_set(&sender->err, -ENOMEM, "migrate",
					"no memory for the region table");
	smi_wire_region_table_encode(regions->table, regions->nregions,
				     record + SMI_WIRE_HEADER_BYTES);
	ret = smi_sender_send(sender, record, SMI_WIRE_REGION_TABLE, length);
	free(record);
	return ret;
}

int smi_sender_greet(struct smi_sender *sender)
{
	struct smi_channel *channel = smi_sender_channel(sender);
	uint64_t start_ns;
	int ret;

	smi_channel_set_deadline(channel, 1);
	ret = smi_link_greet(&sender->link, &sender->err);
	if (ret < 0)
		return peer_failed(sender, ret);
	smi_channel_set_interruptible(channel, true);
	start_ns = smi_sys_now_ns();
	ret = send_region_table(sender);
	if (!ret)
		ret = smi_sender_wait(sender, SMI_WIRE_READY);
	sender->meter.round_trip_ns = smi_sys_now_ns() - start_ns;
	smi_channel_clear_deadline(channel);
	return ret;
}
