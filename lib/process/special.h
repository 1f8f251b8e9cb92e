/* SPDX-License-Identifier: MIT */
/*
 * Mappings that may be written and whose writes no method detects.
 */
#ifndef LIB_PROCESS_SPECIAL_H
#define LIB_PROCESS_SPECIAL_H

#include <stdint.h>

/* Why a mapping cannot be tracked, half a sentence; or NULL. */
const char *smi_special_reason(const char *name, uint64_t length_bytes);

#endif
