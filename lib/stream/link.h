/* SPDX-License-Identifier: MIT */
/*
 * Records over a channel: sealed, counted, verified.
 *
 * Only link.c and the inlines below use the fields of struct smi_link. A link
 * that is all zeros is closed: smi_link_close and smi_link_send_final do
 * nothing with it.
 */
#ifndef LIB_STREAM_LINK_H
#define LIB_STREAM_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "stream/channel.h"
#include "wire/record.h"

struct smi_link {
	struct smi_channel channel;
	enum smi_wire_role peer_role;
	bool is_open; /* the channel has a transport */
	uint64_t records_sent;
	uint64_t unsent_bytes; /* of the record being sent */
	bool is_mid_record; /* a record went out in part: no other may follow */
	bool has_other_version;	      /* the peer has, or it is not smudge */
	uint64_t skipped_records;     /* since a record that was not skipped */
	uint64_t skipped_bytes;	      /* of their payloads */
	uint64_t record_offset_bytes; /* of the last record received */
	uint8_t *in;		      /* header and payload of that record */
	size_t in_bytes;	      /* allocated */
};

/*
 * smi_link_open - a link over a transport
 * @transport: open; closed by smi_link_close
 * @peer_role: the role of the other side
 *
 * Allocates nothing, so that any later failure can be reported to the peer.
 */
void smi_link_open(struct smi_link *link, struct smi_transport *transport,
		   const struct smi_channel_options *options,
		   enum smi_wire_role peer_role);
void smi_link_close(struct smi_link *link);

/* The channel below, for its deadline, modes and counters. */
static inline struct smi_channel *smi_link_channel(struct smi_link *link)
{
	return &link->channel;
}

/* Records sent whole, the final one too. */
static inline uint64_t smi_link_records_sent(const struct smi_link *link)
{
	return link->records_sent;
}

/* The offset of the last received record in the peer's stream. */
static inline uint64_t smi_link_record_offset_bytes(const struct smi_link *link)
{
	return link->record_offset_bytes;
}

/*
 * smi_link_greet - send our greeting, then receive and check the peer's
 *
 * A peer that is gone, but sent its greeting before, is no error: what it sent
 * behind that says why.
 * A stream of one direction needs one half of it: smi_link_send_greeting as
 * its writer, smi_link_receive_greeting as its reader.
 * Return: 0, -EPROTO (not smudge, another version, the wrong role), -EBADMSG
 * (checksum), -EPROTONOSUPPORT, or as smi_channel_send and _receive.
 */
int smi_link_greet(struct smi_link *link, struct smudge_error *err);
int smi_link_send_greeting(struct smi_link *link, struct smudge_error *err);
int smi_link_receive_greeting(struct smi_link *link, struct smudge_error *err);

/*
 * smi_link_send - seal a record and send it
 * @record: SMI_WIRE_HEADER_BYTES to be filled, then @length bytes of payload
 *
 * Return: as smi_channel_send.
 */
int smi_link_send(struct smi_link *link, uint8_t *record, uint32_t type,
		  uint64_t length, struct smudge_error *err);

/*
 * smi_link_send_rest - continue a record after SMI_INTERRUPTED
 * @record, @length: those of smi_link_send
 *
 * Return: as smi_channel_send.
 */
int smi_link_send_rest(struct smi_link *link, const uint8_t *record,
		       uint64_t length, struct smudge_error *err);

/* Send a record without payload. */
int smi_link_send_empty(struct smi_link *link, uint32_t type,
			struct smudge_error *err);

/*
 * smi_link_send_final - send an ABORT or REFUSE, if the peer can understand it
 *
 * Sends our greeting first when it has not been sent: a peer of another
 * version needs no more than that. Nothing else is sent after it. The channel
 * is in its final mode from here on (smi_channel_begin_final).
 * Return: was it sent?
 */
bool smi_link_send_final(struct smi_link *link, uint32_t type, uint32_t code,
			 const char *reason);

/*
 * smi_link_receive - receive and verify the next record
 * @ret_header: its header; smi_link_payload() is its payload until the next
 * call
 *
 * Return: 0, -EBADMSG (damaged, flags, length), -EPROTO (unknown and not
 * skippable, or of the wrong side), -EOVERFLOW (too many unknown records),
 * -ENOMEM, or as smi_channel_receive.
 */
int smi_link_receive(struct smi_link *link, struct smi_wire_header *ret_header,
		     struct smudge_error *err);

/* Its payload; valid until the next smi_link_receive. */
static inline const uint8_t *smi_link_payload(const struct smi_link *link)
{
	return link->in + SMI_WIRE_HEADER_BYTES;
}

/*
 * smi_link_take_record - take the buffer of the record just received
 *
 * Pointers into its payload stay valid. Return: the buffer; the caller frees
 * it.
 */
uint8_t *smi_link_take_record(struct smi_link *link);

#endif
