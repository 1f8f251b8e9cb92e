/* SPDX-License-Identifier: MIT */
/*
 * The host's clock.
 */
#ifndef VM_HOST_H
#define VM_HOST_H

#include <stdint.h>

/* Monotonic: what is measured must not jump with the date. */
int64_t host_now_ns(void);

#endif
