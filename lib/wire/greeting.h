/* SPDX-License-Identifier: MIT */
/*
 * The greeting: the first 40 bytes that each side sends.
 */
#ifndef LIB_WIRE_GREETING_H
#define LIB_WIRE_GREETING_H

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
 * smi_wire_magic_check - are the first 8 bytes those of a smudge?
 *
 * They are checked as soon as they arrive: a peer that is not smudge may send
 * less than a greeting and then wait.
 * Return: 0, -EPROTO.
 */
int smi_wire_magic_check(const uint8_t bytes[SMI_WIRE_MAGIC_BYTES],
			 struct smudge_error *err);

/* True when a greeting with the right magic has this version: only then does
 * the peer understand our records. */
bool smi_wire_greeting_is_ours(const uint8_t bytes[SMI_WIRE_GREETING_BYTES]);

/*
 * smi_wire_greeting_decode - check the peer's greeting
 * @bytes: the whole greeting, from the peer
 * @wanted_role: the role that the peer must have
 *
 * Return: 0, -EPROTO (not smudge, another version, the wrong role),
 * -EPROTONOSUPPORT (an unknown mandatory feature), -EBADMSG (checksum).
 */
int smi_wire_greeting_decode(const uint8_t bytes[SMI_WIRE_GREETING_BYTES],
			     enum smi_wire_role wanted_role,
			     struct smi_wire_greeting *ret_greeting,
			     struct smudge_error *err);

#endif
