/* SPDX-License-Identifier: MIT */
/*
 * Raw images: each page is where its number says.
 */
#ifndef LIB_QCOW2_RAW_H
#define LIB_QCOW2_RAW_H

#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/chain.h"
#include "qcow2/fetch.h"

/*
 * smi_qcow2_raw_fetch - pages of a raw image, from a target's first to
 *      @end_page
 * Return: 0, or what its read or the check returned.
 */
int smi_qcow2_raw_fetch(const struct smi_qcow2_raw *raw,
			const struct smi_qcow2_target *target,
			uint64_t end_page, struct smudge_error *err);

#endif
