/* SPDX-License-Identifier: MIT */
/*
 * A receiver by hand, for tests of the sender: it holds no memory, and ends
 * where the test wants.
 */
#include "migrate_rig.h"

#include <string.h>

#include "migrate/handle.h"
#include "wire/bytes.h"

static void open_link(struct rig *rig, struct smi_link *link, int fd,
		      struct smudge_migration *migration,
		      enum smi_wire_role peer_role)
{
	const struct smi_channel_options options =
		smi_migration_channel_options(migration, 0);
	struct smudge_error err = {0};

	assert_int_equal(smi_transport_socket_open(&rig->by_hand, fd, &err), 0);
	smi_link_open(link, &rig->by_hand.base, &options, peer_role);
}

void rig_link_open(struct rig *rig, struct smi_link *link)
{
	open_link(rig, link, rig->fds[1], rig->receiving, SMI_WIRE_SENDER);
}

void rig_link_open_sender(struct rig *rig, struct smi_link *link)
{
	open_link(rig, link, rig->fds[0], rig->sending, SMI_WIRE_RECEIVER);
}

static void answer(struct smi_link *link, const struct smi_wire_header *header)
{
	uint8_t ack[SMI_WIRE_HEADER_BYTES + SMI_WIRE_ROUND_ACK_BYTES] = {0};
	struct smudge_error err = {0};

	switch (header->type) {
	case SMI_WIRE_REGION_TABLE:
		smi_link_send_empty(link, SMI_WIRE_READY, &err);
		return;
	case SMI_WIRE_ROUND_END: /* round and reserved begin both records */
		memcpy(ack + SMI_WIRE_HEADER_BYTES, smi_link_payload(link),
		       SMI_WIRE_ROUND_ACK_BYTES);
		smi_link_send(link, ack, SMI_WIRE_ROUND_ACK,
			      SMI_WIRE_ROUND_ACK_BYTES, &err);
		return;
	case SMI_WIRE_END:
		smi_link_send_empty(link, SMI_WIRE_ACK, &err);
		return;
	default:
		return;
	}
}

bool rig_try_to_serve_until(struct smi_link *link, uint32_t stop_at, int nth)
{
	struct smudge_error err = {0};
	struct smi_wire_header header;
	bool is_final = false;

	if (smi_link_greet(link, &err) < 0)
		return false;
	while (!smi_link_receive(link, &header, &err)) {
		if (header.type == stop_at && --nth == 0)
			return true;
		if (header.type == SMI_WIRE_ROUND_BEGIN)
			is_final = smi_link_payload(link)[4];
		if (header.type != SMI_WIRE_ROUND_END || !is_final)
			answer(link, &header);
	}
	return false;
}

void rig_serve_until(struct smi_link *link, uint32_t stop_at, int nth)
{
	assert_true(rig_try_to_serve_until(link, stop_at, nth));
}

uint32_t rig_serve(struct smi_link *link)
{
	struct smudge_error err = {0};
	struct smi_wire_header header;
	bool is_final = false;
	uint32_t code = 0;

	if (smi_link_greet(link, &err) < 0)
		return 0;
	while (!smi_link_receive(link, &header, &err)) {
		if (header.type == SMI_WIRE_ROUND_BEGIN)
			is_final = smi_link_payload(link)[4];
		if (header.type == SMI_WIRE_GO)
			smi_link_send_empty(link, SMI_WIRE_RECEIPT, &err);
		if (header.type == SMI_WIRE_ABORT)
			code = smi_wire_get_u32(smi_link_payload(link));
		if (header.type != SMI_WIRE_ROUND_END || !is_final)
			answer(link, &header);
	}
	return code;
}
