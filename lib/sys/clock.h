/* SPDX-License-Identifier: MIT */
/*
 * The one clock of the library: monotonic, in nanoseconds.
 */
#ifndef LIB_SYS_CLOCK_H
#define LIB_SYS_CLOCK_H

#include <stdint.h>

uint64_t smi_sys_now_ns(void);

#endif
