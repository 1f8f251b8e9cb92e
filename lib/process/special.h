/* SPDX-License-Identifier: MIT */
/*
 * Mappings that may be written and whose writes no method detects.
 */
#ifndef LIB_PROCESS_SPECIAL_H
#define LIB_PROCESS_SPECIAL_H

#include <stdbool.h>
#include <stdint.h>

/* Is so much of one object too large to be tracked? */
bool smi_special_is_too_large(uint64_t length_bytes);

/* Why a mapping cannot be tracked, half a sentence; or NULL. */
const char *smi_special_reason(const char *name, uint64_t length_bytes);

#endif
