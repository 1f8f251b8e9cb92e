/* SPDX-License-Identifier: MIT */
/*
 * Records: a 24-byte header and a payload, sealed by one checksum.
 */
#ifndef LIB_WIRE_RECORD_H
#define LIB_WIRE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "wire/format.h"

struct smi_wire_header {
	uint32_t type;
	uint32_t flags;
	uint64_t length; /* of the payload, in bytes */
	uint64_t checksum;
};

/* The name in docs/protocol.md, or "unknown". */
const char *smi_wire_type_name(uint32_t type);

/*
 * smi_wire_record_seal - write the header in front of a payload, with checksum
 * @record: SMI_WIRE_HEADER_BYTES to be written, then @length bytes of payload
 */
void smi_wire_record_seal(uint8_t *record, uint32_t type, uint32_t flags,
			  uint64_t length);

/*
 * smi_wire_header_decode - check a header before its payload is read
 * @bytes: SMI_WIRE_HEADER_BYTES from the peer
 * @from: the role of the peer; only the record types of that role are allowed
 * @ret_header: the length is within the type's cap
 *
 * Return: 0, -EPROTO (unknown, or from the wrong side), -EBADMSG (flags or
 * length).
 */
int smi_wire_header_decode(const uint8_t *bytes, enum smi_wire_role from,
			   struct smi_wire_header *ret_header,
			   struct smudge_error *err);

/* True when the record, whose header was decoded, has an unknown type: it is
 * skipped. */
bool smi_wire_is_unknown(const struct smi_wire_header *header);

/*
 * smi_wire_record_verify - compare the checksum
 * @record: header and payload; its checksum field is set to 0
 * @header: decoded from it
 *
 * Return: 0, -EBADMSG.
 */
int smi_wire_record_verify(uint8_t *record,
			   const struct smi_wire_header *header,
			   struct smudge_error *err);

#endif
