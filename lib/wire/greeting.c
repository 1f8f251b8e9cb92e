/* SPDX-License-Identifier: MIT */
/*
 * Greetings: magic, version, role, features, checksum.
 *
 * The magic begins with a byte that is not ASCII and ends with line ends, which
 * a transfer as text would change. Magic and version keep their offsets in
 * every version, so they are checked before the checksum, whose offset is only
 * known for this version.
 */
#include "wire/greeting.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

#include "wire/bytes.h"
#include "wire/text.h"

static const uint8_t magic[SMI_WIRE_MAGIC_BYTES] = {0x89, 'S',	'M',  'D',
						    'G',  '\r', '\n', 0x1a};

#define CHECKED_BYTES 32

void smi_wire_greeting_encode(const struct smi_wire_greeting *greeting,
			      uint8_t bytes[SMI_WIRE_GREETING_BYTES])
{
	memcpy(bytes, magic, sizeof(magic));
	smi_wire_put_u32(bytes + 8, greeting->version);
	smi_wire_put_u32(bytes + 12, greeting->role);
	smi_wire_put_u64(bytes + 16, greeting->mandatory);
	smi_wire_put_u64(bytes + 24, greeting->optional);
	smi_wire_put_u64(bytes + CHECKED_BYTES,
			 XXH3_64bits(bytes, CHECKED_BYTES));
}

int smi_wire_magic_check(const uint8_t bytes[SMI_WIRE_MAGIC_BYTES],
			 struct smudge_error *err)
{
	char seen[SMI_WIRE_MAGIC_BYTES + 1];

	if (!memcmp(bytes, magic, sizeof(magic)))
		return 0;
	smi_wire_text(seen, sizeof(seen), bytes, SMI_WIRE_MAGIC_BYTES);
	return smudge_error_set(err, -EPROTO, "wire",
				"the peer is not smudge: it begins with "
				"'%s', not with a migration stream's magic",
				seen);
}

bool smi_wire_greeting_is_ours(const uint8_t bytes[SMI_WIRE_GREETING_BYTES])
{
	return smi_wire_get_u32(bytes + 8) == SMI_WIRE_VERSION;
}

static int features_check(uint64_t mandatory, struct smudge_error *err)
{
	uint64_t unknown = mandatory & ~SMI_WIRE_MANDATORY_FEATURES;

	if (!unknown)
		return 0;
	return smudge_error_set(err, -EPROTONOSUPPORT, "wire",
				"the peer demands features 0x%" PRIx64
				", which this smudge does not know",
				unknown);
}

int smi_wire_greeting_decode(const uint8_t bytes[SMI_WIRE_GREETING_BYTES],
			     enum smi_wire_role wanted_role,
			     struct smi_wire_greeting *ret_greeting,
			     struct smudge_error *err)
{
	struct smi_wire_greeting greeting = {
		.version = smi_wire_get_u32(bytes + 8),
		.role = smi_wire_get_u32(bytes + 12),
		.mandatory = smi_wire_get_u64(bytes + 16),
		.optional = smi_wire_get_u64(bytes + 24),
	};
	int ret = smi_wire_magic_check(bytes, err);

	if (ret < 0)
		return ret;
	if (greeting.version != SMI_WIRE_VERSION)
		return smudge_error_set(err, -EPROTO, "wire",
					"the peer speaks version %" PRIu32
					" of the migration stream, this "
					"smudge speaks version %d",
					greeting.version, SMI_WIRE_VERSION);
	if (smi_wire_get_u64(bytes + CHECKED_BYTES) !=
	    XXH3_64bits(bytes, CHECKED_BYTES))
		return smudge_error_set(err, -EBADMSG, "wire",
					"the peer's greeting is damaged: its "
					"checksum does not match");
	if (greeting.role != wanted_role)
		return smudge_error_set(
			err, -EPROTO, "wire",
			"the peer is not the %s of a migration, as it must be",
			wanted_role == SMI_WIRE_SENDER ? "sender" : "receiver");
	ret = features_check(greeting.mandatory, err);
	if (ret < 0)
		return ret;
	*ret_greeting = greeting;
	return 0;
}
