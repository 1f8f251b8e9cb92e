/* SPDX-License-Identifier: MIT */
/*
 * KSM replaces pages together with their soft-dirty bits.
 */
#ifndef LIB_PROCESS_KSM_H
#define LIB_PROCESS_KSM_H

#include <stdbool.h>

/* Is it merging pages now? */
bool smi_ksm_is_running(void);

#endif
