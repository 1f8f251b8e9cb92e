/* SPDX-License-Identifier: MIT */
/*
 * Records over a channel.
 *
 * The buffer for incoming records holds each type but a large STATE. For that
 * it grows as the bytes arrive, so a claimed length alone costs no memory, and
 * only up to the record's end, so a STATE at its cap costs its cap.
 */
#include "stream/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "sys/log.h"
#include "sys/probe.h"
#include "wire/bytes.h"
#include "wire/control.h"
#include "wire/greeting.h"

#define FIRST_IN_BYTES (SMI_WIRE_HEADER_BYTES + (size_t)SMI_WIRE_CAP_PAGES)
/*
 * Deadline of the final record; the drain behind it may take as long again.
 * Together they are shorter than the second within which a program should end
 * after SIGTERM.
 */
#define FINAL_NS UINT64_C(250000000)

void smi_link_open(struct smi_link *link, struct smi_transport *transport,
		   const struct smi_channel_options *options,
		   enum smi_wire_role peer_role)
{
	*link = (struct smi_link){.peer_role = peer_role, .is_open = true};
	smi_channel_open(&link->channel, transport, options);
}

void smi_link_close(struct smi_link *link)
{
	smi_channel_close(&link->channel);
	free(link->in);
	link->in = NULL;
}

int smi_link_send_greeting(struct smi_link *link, struct smudge_error *err)
{
	uint8_t bytes[SMI_WIRE_GREETING_BYTES];
	struct smi_wire_greeting greeting = {
		.version = SMI_WIRE_VERSION,
		.role = link->peer_role == SMI_WIRE_SENDER ? SMI_WIRE_RECEIVER
							   : SMI_WIRE_SENDER,
	};

	smi_wire_greeting_encode(&greeting, bytes);
	return smi_channel_send(&link->channel, bytes, sizeof(bytes), err);
}

int smi_link_receive_greeting(struct smi_link *link, struct smudge_error *err)
{
	uint8_t bytes[SMI_WIRE_GREETING_BYTES];
	struct smi_wire_greeting peer;
	/* A peer that is not smudge may send less than a greeting, and wait. */
	int ret = smi_channel_receive(&link->channel, bytes,
				      SMI_WIRE_MAGIC_BYTES, err);

	if (ret < 0)
		return ret;
	ret = smi_wire_magic_check(bytes, err);
	link->has_other_version = ret < 0;
	if (ret < 0)
		return ret;
	ret = smi_channel_receive(&link->channel, bytes + SMI_WIRE_MAGIC_BYTES,
				  sizeof(bytes) - SMI_WIRE_MAGIC_BYTES, err);
	if (ret < 0)
		return ret;
	link->has_other_version = !smi_wire_greeting_is_ours(bytes);
	return smi_wire_greeting_decode(bytes, link->peer_role, &peer, err);
}

static bool is_gone(int code)
{
	return code == -EPIPE || code == -ECONNRESET;
}

/*
 * A peer that failed early may be gone before our greeting. Its own came
 * before, and says which version it is; the reason follows.
 */
int smi_link_greet(struct smi_link *link, struct smudge_error *err)
{
	struct smudge_error send_err = {0};
	int sent = smi_link_send_greeting(link, &send_err);
	int ret = sent;

	if (!sent || is_gone(sent))
		ret = smi_link_receive_greeting(link, err);
	if (!sent || !(ret == sent || is_gone(ret)))
		return ret;
	if (err)
		*err = send_err;
	return sent;
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
	uint64_t before = smi_channel_sent_bytes(channel);
	int ret =
		smi_channel_send(channel, record + (whole - link->unsent_bytes),
				 link->unsent_bytes, err);

	link->unsent_bytes -= smi_channel_sent_bytes(channel) - before;
	link->is_mid_record = ret && link->unsent_bytes != whole;
	if (ret)
		return ret;
	link->records_sent++;
	SMI_SYS_PROBE(record_sent, link, smi_wire_get_u32(record), length);
	return 0;
}

int smi_link_send_empty(struct smi_link *link, uint32_t type,
			struct smudge_error *err)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES];

	return smi_link_send(link, record, type, 0, err);
}

bool smi_link_send_final(struct smi_link *link, uint32_t type, uint32_t code,
			 const char *reason)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_MAX_REASON];
	struct smi_channel *channel = &link->channel;
	size_t length;

	if (!link->is_open || link->has_other_version || link->is_mid_record)
		return false;
	/* It goes out also after a cancel, which it may have to report. */
	smi_channel_begin_final(channel, FINAL_NS);
	if (!smi_channel_sent_bytes(channel) &&
	    smi_link_send_greeting(link, NULL) < 0)
		return false;
	if (smi_channel_sent_bytes(channel) < SMI_WIRE_GREETING_BYTES)
		return false;
	length = smi_wire_reason_encode(code, reason,
					record + SMI_WIRE_HEADER_BYTES);
	return !smi_link_send(link, record, type, length, NULL);
}

/* Enlarge the buffer for a record of @whole bytes, not beyond it. */
static int grow(struct smi_link *link, size_t whole, struct smudge_error *err)
{
	size_t bytes =
		max_u64(min_u64(link->in_bytes * 2, whole), FIRST_IN_BYTES);
	uint8_t *in;

	in = realloc(link->in, bytes);
	if (!in)
		return smudge_error_set(err, -ENOMEM, "link",
					"no memory for a record of %zu bytes",
					whole);
	link->in = in;
	link->in_bytes = bytes;
	return 0;
}

/* Read a payload of @length bytes, growing the buffer as it comes. */
static int receive_payload(struct smi_link *link, size_t length,
			   struct smudge_error *err)
{
	size_t whole = SMI_WIRE_HEADER_BYTES + length;
	size_t have = SMI_WIRE_HEADER_BYTES;

	while (have < whole) {
		size_t step;
		int ret = 0;

		if (have == link->in_bytes)
			ret = grow(link, whole, err);
		if (ret < 0)
			return ret;
		step = link->in_bytes < whole ? link->in_bytes - have
					      : whole - have;
		ret = smi_channel_receive(&link->channel, link->in + have, step,
					  err);
		if (ret < 0)
			return ret;
		have += step;
	}
	return 0;
}

/* Bound the unknown records: a peer must not keep us busy with them. */
static int count_skipped(struct smi_link *link,
			 const struct smi_wire_header *header,
			 struct smudge_error *err)
{
	if (!smi_wire_is_unknown(header)) {
		link->skipped_records = 0;
		link->skipped_bytes = 0;
		return 0;
	}
	SMI_SYS_LOG(SMUDGE_LOG_INFO, "link",
		    "the peer sent a record of type %#x, which this version "
		    "does not know and skips",
		    header->type);
	link->skipped_records++;
	link->skipped_bytes += header->length;
	if (link->skipped_records <= SMI_WIRE_MAX_SKIPPED &&
	    link->skipped_bytes <= SMI_WIRE_CAP_ALL_SKIPPED)
		return 0;
	return smudge_error_set(err, -EOVERFLOW, "link",
				"too many skippable records in a row: %llu of "
				"%llu bytes together",
				(unsigned long long)link->skipped_records,
				(unsigned long long)link->skipped_bytes);
}

uint8_t *smi_link_take_record(struct smi_link *link)
{
	uint8_t *record = link->in;

	link->in = NULL;
	link->in_bytes = 0;
	return record;
}

int smi_link_receive(struct smi_link *link, struct smi_wire_header *ret_header,
		     struct smudge_error *err)
{
	struct smi_wire_header header;
	int ret = link->in ? 0 : grow(link, FIRST_IN_BYTES, err);

	SMI_SYS_LOG_SCOPE();
	if (ret < 0)
		return ret;
	link->record_offset_bytes = smi_channel_received_bytes(&link->channel);
	ret = smi_channel_receive(&link->channel, link->in,
				  SMI_WIRE_HEADER_BYTES, err);
	if (ret < 0)
		return ret;
	ret = smi_wire_header_decode(link->in, link->peer_role, &header, err);
	if (!ret)
		ret = count_skipped(link, &header, err);
	if (ret < 0)
		return ret;
	ret = receive_payload(link, header.length, err);
	if (ret < 0)
		return ret;
	ret = smi_wire_record_verify(link->in, &header, err);
	if (ret < 0)
		return ret;
	*ret_header = header;
	return 0;
}
