/* SPDX-License-Identifier: MIT */
/*
 * Records over a channel.
 *
 * The buffer for incoming records holds all kinds but a large STATE; for that
 * it grows as the bytes arrive, so a claimed length alone costs nothing.
 */
#include "migrate/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/control.h"
#include "wire/greeting.h"

#define FIRST_IN_BYTES (SMI_WIRE_HEADER_BYTES + (size_t)SMI_WIRE_CAP_PAGES)
/* Time that a last word may take. */
#define LAST_WORD_NS UINT64_C(1000000000)

int smi_link_open(struct smi_link *link, int fd,
		  struct smudge_migration *migration, uint64_t timeout_ns,
		  enum smi_wire_role peer_role, struct smudge_error *err)
{
	int error;

	*link = (struct smi_link){.peer_role = peer_role};
	error = smi_channel_open(&link->channel, fd, migration, timeout_ns,
				 err);
	if (error < 0)
		return error;
	link->in = malloc(FIRST_IN_BYTES);
	link->in_bytes = FIRST_IN_BYTES;
	if (!link->in)
		return smudge_error_set(err, -ENOMEM, "link",
					"no memory for a record");
	return 0;
}

void smi_link_close(struct smi_link *link)
{
	free(link->in);
	link->in = NULL;
}

int smi_link_greet(struct smi_link *link, struct smudge_error *err)
{
	uint8_t bytes[SMI_WIRE_GREETING_BYTES];
	struct smi_wire_greeting greeting = {
		.version = SMI_WIRE_VERSION,
		.role = link->peer_role == SMI_WIRE_SENDER ? SMI_WIRE_RECEIVER
							   : SMI_WIRE_SENDER,
	};
	struct smi_wire_greeting peer;
	int error;

	smi_wire_greeting_encode(&greeting, bytes);
	error = smi_channel_send(&link->channel, bytes, sizeof(bytes), err);
	if (error < 0)
		return error;
	/* A peer that is not smudge may say less than a greeting, and wait. */
	error = smi_channel_receive(&link->channel, bytes, SMI_WIRE_MAGIC_BYTES,
				    err);
	if (error < 0)
		return error;
	error = smi_wire_magic_check(bytes, err);
	if (error < 0)
		return error;
	error = smi_channel_receive(&link->channel,
				    bytes + SMI_WIRE_MAGIC_BYTES,
				    sizeof(bytes) - SMI_WIRE_MAGIC_BYTES, err);
	if (error < 0)
		return error;
	link->peer_understands = smi_wire_greeting_is_ours(bytes);
	return smi_wire_greeting_decode(bytes, link->peer_role, &peer, err);
}

int smi_link_send(struct smi_link *link, uint8_t *record, uint32_t type,
		  uint64_t length, struct smudge_error *err)
{
	smi_wire_record_seal(record, type, 0, length);
	link->unsent_bytes = SMI_WIRE_HEADER_BYTES + length;
	return smi_link_send_rest(link, record, length, err);
}

int smi_link_send_rest(struct smi_link *link, const uint8_t *record,
		       uint64_t length, struct smudge_error *err)
{
	struct smi_channel *channel = &link->channel;
	uint64_t whole = SMI_WIRE_HEADER_BYTES + length;
	uint64_t before = channel->sent_bytes;
	int error =
		smi_channel_send(channel, record + (whole - link->unsent_bytes),
				 link->unsent_bytes, err);

	link->unsent_bytes -= channel->sent_bytes - before;
	link->is_mid_record = error && link->unsent_bytes != whole;
	if (!error)
		link->records_sent++;
	return error;
}

int smi_link_send_empty(struct smi_link *link, uint32_t type,
			struct smudge_error *err)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES];

	return smi_link_send(link, record, type, 0, err);
}

void smi_link_say(struct smi_link *link, uint32_t type, uint32_t code,
		  const char *sentence)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_MAX_SPEECH];
	size_t length;

	if (!link->peer_understands || link->is_mid_record)
		return;
	/* It is the cancel, perhaps, that is to be told. */
	link->channel.heeds_cancel = false;
	link->channel.heeds_peer = false;
	link->channel.is_paced = false;
	link->channel.end_ns = 0;
	link->channel.timeout_ns = LAST_WORD_NS;
	length = smi_wire_speech_encode(code, sentence,
					record + SMI_WIRE_HEADER_BYTES);
	(void)smi_link_send(link, record, type, length, NULL);
}

/* Read a payload of @length bytes, growing the buffer as it comes. */
static int receive_payload(struct smi_link *link, size_t length,
			   struct smudge_error *err)
{
	size_t whole = SMI_WIRE_HEADER_BYTES + length;
	size_t have = SMI_WIRE_HEADER_BYTES;

	while (have < whole) {
		size_t step;
		int error;

		if (have == link->in_bytes) {
			size_t bytes = link->in_bytes * 2;
			uint8_t *in = realloc(link->in, bytes);

			if (!in)
				return smudge_error_set(
					err, -ENOMEM, "link",
					"no memory for a record of %zu bytes",
					whole);
			link->in = in;
			link->in_bytes = bytes;
		}
		step = link->in_bytes < whole ? link->in_bytes - have
					      : whole - have;
		error = smi_channel_receive(&link->channel, link->in + have,
					    step, err);
		if (error < 0)
			return error;
		have += step;
	}
	return 0;
}

int smi_link_receive(struct smi_link *link, struct smi_wire_header *ret,
		     struct smudge_error *err)
{
	struct smi_wire_header header;
	int error;

	link->record_offset_bytes = link->channel.received_bytes;
	error = smi_channel_receive(&link->channel, link->in,
				    SMI_WIRE_HEADER_BYTES, err);
	if (error < 0)
		return error;
	error = smi_wire_header_decode(link->in, link->peer_role, &header, err);
	if (error < 0)
		return error;
	error = receive_payload(link, header.length, err);
	if (error < 0)
		return error;
	error = smi_wire_record_verify(link->in, &header, err);
	if (error < 0)
		return error;
	*ret = header;
	return 0;
}
