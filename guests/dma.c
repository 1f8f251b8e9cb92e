/* SPDX-License-Identifier: MIT */
/*
 * The DMA engine's registers, from the guest's side.
 */
#include "dma.h"

#include "ports.h"

#define PORT_SOURCE_LOW	 0x700
#define PORT_SOURCE_HIGH 0x704
#define PORT_TARGET_LOW	 0x708
#define PORT_TARGET_HIGH 0x70c
#define PORT_LENGTH	 0x710
#define PORT_VALUE	 0x714

void dma_prepare(const volatile void *source, volatile void *target,
		 uint32_t length)
{
	out32(PORT_SOURCE_LOW, (uint32_t)(uintptr_t)source);
	out32(PORT_SOURCE_HIGH, (uint32_t)((uintptr_t)source >> 32));
	out32(PORT_TARGET_LOW, (uint32_t)(uintptr_t)target);
	out32(PORT_TARGET_HIGH, (uint32_t)((uintptr_t)target >> 32));
	out32(PORT_LENGTH, length);
}

void dma_set_value(uint8_t value)
{
	out32(PORT_VALUE, value);
}

bool dma_command(uint32_t command)
{
	uint32_t status;

	out32(DMA_PORT_COMMAND, command);
	do
		status = in32(DMA_PORT_COMMAND);
	while (status & DMA_BUSY);
	return !(status & DMA_ERROR);
}
