/* SPDX-License-Identifier: MIT */
/*
 * A small DMA engine: the guest asks it to copy or to fill memory.
 *
 * Ports, 32-bit accesses only; others read as all ones and are ignored:
 *
 *   0x700 SOURCE, low half        0x708 TARGET, low half     0x710 LENGTH
 *   0x704 SOURCE, high half       0x70c TARGET, high half    0x714 VALUE
 *   0x718 written: COMMAND        1 copy from SOURCE, 2 fill with VALUE
 *   0x718 read: STATUS            1 busy, 2 done, 4 error (with done)
 *
 * Addresses are guest physical, LENGTH is in bytes, VALUE is a byte. A write
 * of COMMAND makes the engine busy, and the request is carried out soon
 * after: a guest waits until it is done before it looks at the result, and
 * certainly before it executes it. While it is busy writes are ignored. A copy
 * whose ranges overlap gives what TARGET would have if SOURCE had been read
 * before anything was written. An unknown command, more than DMA_MAX_BYTES,
 * or a range that is not all in one piece of RAM or in the framebuffer is an
 * error: nothing is written. No bytes in RAM are no error.
 */
#ifndef VM_DEVICES_DMA_H
#define VM_DEVICES_DMA_H

#include <stdint.h>

struct device_host;

#define DMA_PORT_FIRST 0x700
#define DMA_PORT_LAST  0x71b
/* A request holds the vCPU up: 16 MiB are some milliseconds. */
#define DMA_MAX_BYTES (UINT32_C(16) << 20)

#define DMA_COPY 1
#define DMA_FILL 2

#define DMA_BUSY  1u
#define DMA_DONE  2u
#define DMA_ERROR 4u

/* A machine that is stopped is never busy. */
struct dma_regs {
	uint64_t source_gpa;
	uint64_t target_gpa;
	uint32_t length_bytes;
	uint32_t value;
	uint32_t status;
};

struct dma {
	struct dma_regs regs;
	uint32_t command; /* of the request that makes it busy */
	const struct device_host *host;
};

#endif
