/* SPDX-License-Identifier: MIT */
/*
 * Record headers: which types there are, how long they may be, checksums.
 *
 * The table is that of docs/protocol.md, section 3. A length above the cap of
 * its type is refused here, before anything is read or allocated for it.
 */
#include "wire/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include <xxhash.h>

#include "wire/bytes.h"

#define CHECKSUM_OFFSET 16

static const struct record_type {
	uint32_t type;
	enum smi_wire_role from;
	uint64_t cap_bytes;
	const char *name;
} types[] = {
	{SMI_WIRE_REGION_TABLE, SMI_WIRE_SENDER, SMI_WIRE_CAP_REGION_TABLE,
	 "REGION_TABLE"},
	{SMI_WIRE_ROUND_BEGIN, SMI_WIRE_SENDER, SMI_WIRE_ROUND_BEGIN_BYTES,
	 "ROUND_BEGIN"},
	{SMI_WIRE_PAGES, SMI_WIRE_SENDER, SMI_WIRE_CAP_PAGES, "PAGES"},
	{SMI_WIRE_ZERO, SMI_WIRE_SENDER, SMI_WIRE_CAP_ZERO, "ZERO"},
	{SMI_WIRE_ROUND_END, SMI_WIRE_SENDER, SMI_WIRE_ROUND_END_BYTES,
	 "ROUND_END"},
	{SMI_WIRE_STATE, SMI_WIRE_SENDER, SMI_WIRE_CAP_STATE, "STATE"},
	{SMI_WIRE_END, SMI_WIRE_SENDER, SMI_WIRE_END_BYTES, "END"},
	{SMI_WIRE_GO, SMI_WIRE_SENDER, 0, "GO"},
	{SMI_WIRE_ABORT, SMI_WIRE_SENDER, SMI_WIRE_MAX_REASON, "ABORT"},
	{SMI_WIRE_READY, SMI_WIRE_RECEIVER, 0, "READY"},
	{SMI_WIRE_ROUND_ACK, SMI_WIRE_RECEIVER, SMI_WIRE_ROUND_ACK_BYTES,
	 "ROUND_ACK"},
	{SMI_WIRE_ACK, SMI_WIRE_RECEIVER, 0, "ACK"},
	{SMI_WIRE_REFUSE, SMI_WIRE_RECEIVER, SMI_WIRE_MAX_REASON, "REFUSE"},
	{SMI_WIRE_RECEIPT, SMI_WIRE_RECEIVER, 0, "RECEIPT"},
};

static const struct record_type *find_type(uint32_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

const char *smi_wire_type_name(uint32_t type)
{
	const struct record_type *known = find_type(type);

	return known ? known->name : "unknown";
}

void smi_wire_record_seal(uint8_t *record, uint32_t type, uint32_t flags,
			  uint64_t length)
{
	smi_wire_put_u32(record, type);
	smi_wire_put_u32(record + 4, flags);
	smi_wire_put_u64(record + 8, length);
	smi_wire_put_u64(record + CHECKSUM_OFFSET, 0);
	smi_wire_put_u64(record + CHECKSUM_OFFSET,
			 XXH3_64bits(record, SMI_WIRE_HEADER_BYTES + length));
}

static int check_unknown(const struct smi_wire_header *header,
			 struct smudge_error *err)
{
	if (header->type == 0 || !(header->flags & SMI_WIRE_SKIPPABLE))
		return smudge_error_set(err, -EPROTO, "wire",
					"a record of unknown type 0x%" PRIx32
					" (flags 0x%" PRIx32
					") that must not be skipped",
					header->type, header->flags);
	if (header->flags != SMI_WIRE_SKIPPABLE)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a skippable record of type 0x%" PRIx32
					" has flags 0x%" PRIx32
					" that are not assigned",
					header->type, header->flags);
	if (header->length > SMI_WIRE_CAP_SKIPPABLE)
		return smudge_error_set(
			err, -EBADMSG, "wire",
			"a skippable record of type 0x%" PRIx32
			" claims %" PRIu64 " bytes, more than %" PRIu64,
			header->type, header->length, SMI_WIRE_CAP_SKIPPABLE);
	return 0;
}

static int check_known(const struct smi_wire_header *header,
		       const struct record_type *known, enum smi_wire_role from,
		       struct smudge_error *err)
{
	if (known->from != from)
		return smudge_error_set(
			err, -EPROTO, "wire",
			"this %s record comes from the wrong side",
			known->name);
	if (header->flags)
		return smudge_error_set(err, -EBADMSG, "wire",
					"this %s record has flags 0x%" PRIx32
					", none is assigned to it",
					known->name, header->flags);
	if (header->length > known->cap_bytes)
		return smudge_error_set(err, -EBADMSG, "wire",
					"this %s record claims %" PRIu64
					" bytes, more than %" PRIu64,
					known->name, header->length,
					known->cap_bytes);
	return 0;
}

int smi_wire_header_decode(const uint8_t *bytes, enum smi_wire_role from,
			   struct smi_wire_header *ret_header,
			   struct smudge_error *err)
{
	struct smi_wire_header header = {
		.type = smi_wire_get_u32(bytes),
		.flags = smi_wire_get_u32(bytes + 4),
		.length = smi_wire_get_u64(bytes + 8),
		.checksum = smi_wire_get_u64(bytes + CHECKSUM_OFFSET),
	};
	const struct record_type *known = find_type(header.type);
	int ret;

	if (known)
		ret = check_known(&header, known, from, err);
	else
		ret = check_unknown(&header, err);
	if (ret < 0)
		return ret;
	*ret_header = header;
	return 0;
}

bool smi_wire_is_unknown(const struct smi_wire_header *header)
{
	return !find_type(header->type);
}

int smi_wire_record_verify(uint8_t *record,
			   const struct smi_wire_header *header,
			   struct smudge_error *err)
{
	smi_wire_put_u64(record + CHECKSUM_OFFSET, 0);
	if (XXH3_64bits(record, SMI_WIRE_HEADER_BYTES + header->length) ==
	    header->checksum)
		return 0;
	return smudge_error_set(err, -EBADMSG, "wire",
				"this %s record is damaged: its checksum does "
				"not match",
				smi_wire_type_name(header->type));
}
