/* SPDX-License-Identifier: MIT */
/*
 * smudge-vm's DMA engine, as a guest uses it.
 */
#ifndef GUESTS_DMA_H
#define GUESTS_DMA_H

#include "machine.h"

#define DMA_PORT_COMMAND 0x718
#define DMA_COPY	 1
#define DMA_FILL	 2
#define DMA_BUSY	 1u
#define DMA_DONE	 2u
#define DMA_ERROR	 4u

/* Set all parameters of the next command. */
void dma_prepare(const volatile void *source, volatile void *target,
		 uint32_t length);
void dma_set_value(uint8_t value);
/* Start a command and wait until it is done. False: the error bit is set. */
bool dma_command(uint32_t command);

#endif
