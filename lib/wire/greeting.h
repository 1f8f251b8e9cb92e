/* SPDX-License-Identifier: MIT */
/*
 * The greeting: the 40 bytes with which each side begins.
 */
#ifndef SMI_WIRE_GREETING_H
#define SMI_WIRE_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "wire/format.h"

struct smi_wire_greeting {
	uint32_t version;
	uint32_t role; /* enum smi_wire_role */
	uint64_t mandatory;
	uint64_t optional;
};

#define SMI_WIRE_MAGIC_BYTES 8

void smi_wire_greeting_encode(const struct smi_wire_greeting *greeting,
			      uint8_t bytes[SMI_WIRE_GREETING_BYTES]);

/*
 * smi_wire_magic_check - do the first 8 bytes come from a smudge?
 *
 * Apart from the rest, so that a peer that says less than a greeting and
 * waits is found out. Return: 0, -EPROTO.
 */
int smi_wire_magic_check(const uint8_t bytes[SMI_WIRE_MAGIC_BYTES],
			 struct smudge_error *err);

/* True when a greeting with the right magic is of this version, so that its
 * writer understands records. */
bool smi_wire_greeting_is_ours(const uint8_t bytes[SMI_WIRE_GREETING_BYTES]);

/*
 * smi_wire_greeting_decode - check the peer's greeting
 * @bytes: the whole greeting, from the peer
 * @wanted_role: what the peer must be
 *
 * Return: 0, -EPROTO (not smudge, another version, the wrong role),
 * -EPROTONOSUPPORT (an unknown mandatory feature), -EBADMSG (checksum).
 */
int smi_wire_greeting_decode(const uint8_t bytes[SMI_WIRE_GREETING_BYTES],
			     enum smi_wire_role wanted_role,
			     struct smi_wire_greeting *ret_greeting,
			     struct smudge_error *err);

#endif
