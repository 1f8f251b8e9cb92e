/* SPDX-License-Identifier: MIT */
/*
 * Records over a channel: sealed, counted, verified.
 */
#ifndef SMI_MIGRATE_LINK_H
#define SMI_MIGRATE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "migrate/channel.h"
#include "wire/record.h"

struct smi_link {
	struct smi_channel channel;
	enum smi_wire_role peer_role;
	bool is_open; /* the channel has a socket: something can be said */
	uint64_t records_sent;
	uint64_t unsent_bytes; /* of the record being sent */
	bool is_mid_record; /* a record went out in part: no other may follow */
	bool is_peer_strange;	      /* its greeting is not of our version */
	uint64_t skipped_records;     /* since a record that was not skipped */
	uint64_t skipped_bytes;	      /* of their payloads */
	uint64_t record_offset_bytes; /* of the last record received */
	uint8_t *in;		      /* header and payload of that record */
	size_t in_bytes;	      /* allocated */
};

/*
 * smi_link_open - a link over a connected socket
 * @peer_role: what the other side is
 *
 * Allocates nothing, so that whatever fails later can be told to the peer.
 * Return: as smi_channel_open. Undone by smi_link_close, also after a failure.
 */
int smi_link_open(struct smi_link *link, int fd,
		  struct smudge_migration *migration, uint64_t timeout_ns,
		  enum smi_wire_role peer_role, struct smudge_error *err);
void smi_link_close(struct smi_link *link);

/* Send our greeting, receive and check the peer's. */
int smi_link_greet(struct smi_link *link, struct smudge_error *err);

/*
 * smi_link_send - seal a record and send it
 * @record: SMI_WIRE_HEADER_BYTES to be filled, then @length bytes of payload
 *
 * Return: as smi_channel_send.
 */
int smi_link_send(struct smi_link *link, uint8_t *record, uint32_t type,
		  uint64_t length, struct smudge_error *err);

/*
 * smi_link_send_rest - go on with a record after SMI_PEER_SPOKE
 * @record, @length: as given to smi_link_send
 *
 * Return: as smi_channel_send.
 */
int smi_link_send_rest(struct smi_link *link, const uint8_t *record,
		       uint64_t length, struct smudge_error *err);

/* A record without payload. */
int smi_link_send_empty(struct smi_link *link, uint32_t type,
			struct smudge_error *err);

/*
 * smi_link_say - an ABORT or REFUSE, if it can be said and understood
 *
 * Sends our greeting first when it has not been sent: a peer of another
 * version has enough of it. Return: was it said?
 */
bool smi_link_say(struct smi_link *link, uint32_t type, uint32_t code,
		  const char *sentence);

/*
 * smi_link_receive - the next record, verified
 * @ret: its header; the payload is smi_link_payload(), until the next call
 *
 * Return: 0, -EBADMSG (damaged, flags, length), -EPROTO (unknown, or of the
 * wrong side), -EOVERFLOW (too much was skipped), -ENOMEM, or as
 * smi_channel_receive.
 */
int smi_link_receive(struct smi_link *link, struct smi_wire_header *ret,
		     struct smudge_error *err);

/*
 * smi_link_take_record - keep the record just received beyond the next one
 *
 * Pointers into its payload stay valid. Return: what is to be freed.
 */
uint8_t *smi_link_take_record(struct smi_link *link);

static inline const uint8_t *smi_link_payload(const struct smi_link *link)
{
	return link->in + SMI_WIRE_HEADER_BYTES;
}

#endif
