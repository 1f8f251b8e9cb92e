/* SPDX-License-Identifier: MIT */
/*
 * The DMA engine. Every value comes from the guest; what makes no sense ends
 * in the status' error bit. Memory is reported as written when it is.
 */
#include "devices/dma.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "base/lost_memory.h"
#include "devices/device.h"

#define SOURCE_LOW  0x700
#define SOURCE_HIGH 0x704
#define TARGET_LOW  0x708
#define TARGET_HIGH 0x70c
#define LENGTH	    0x710
#define VALUE	    0x714
#define COMMAND	    0x718

static uint64_t with_low(uint64_t gpa, uint32_t value)
{
	return (gpa & ~(uint64_t)UINT32_MAX) | value;
}

static uint64_t with_high(uint64_t gpa, uint32_t value)
{
	return (gpa & UINT32_MAX) | (uint64_t)value << 32;
}

static int dma_open(void *self, const struct device_host *host,
		    const struct device_config *config,
		    struct smudge_error *err)
{
	struct dma *dma = self;

	dma->host = host;
	return 0;
}

static bool dma_has_port(const void *self, uint16_t port, unsigned int size)
{
	return port >= DMA_PORT_FIRST && port <= DMA_PORT_LAST;
}

static uint32_t dma_in(void *self, uint16_t port, unsigned int size)
{
	const struct dma *dma = self;
	const struct dma_regs *regs = &dma->regs;

	if (size != 4)
		return UINT32_MAX;
	switch (port) {
	case SOURCE_LOW:
		return (uint32_t)regs->source_gpa;
	case SOURCE_HIGH:
		return (uint32_t)(regs->source_gpa >> 32);
	case TARGET_LOW:
		return (uint32_t)regs->target_gpa;
	case TARGET_HIGH:
		return (uint32_t)(regs->target_gpa >> 32);
	case LENGTH:
		return regs->length_bytes;
	case VALUE:
		return regs->value;
	case COMMAND:
		return regs->status;
	default:
		return UINT32_MAX;
	}
}

static bool dma_out(void *self, uint16_t port, unsigned int size,
		    uint32_t value)
{
	struct dma *dma = self;
	struct dma_regs *regs = &dma->regs;

	if (size != 4 || regs->status & DMA_BUSY)
		return false;
	switch (port) {
	case SOURCE_LOW:
		regs->source_gpa = with_low(regs->source_gpa, value);
		break;
	case SOURCE_HIGH:
		regs->source_gpa = with_high(regs->source_gpa, value);
		break;
	case TARGET_LOW:
		regs->target_gpa = with_low(regs->target_gpa, value);
		break;
	case TARGET_HIGH:
		regs->target_gpa = with_high(regs->target_gpa, value);
		break;
	case LENGTH:
		regs->length_bytes = value;
		break;
	case VALUE:
		regs->value = value & 0xff;
		break;
	case COMMAND:
		regs->status = DMA_BUSY;
		dma->command = value;
		return true;
	}
	return false;
}

struct transfer {
	uint8_t *target;
	const uint8_t *source; /* of DMA_COPY */
	const struct dma *dma;
};

static void transfer(void *opaque)
{
	const struct transfer *t = opaque;
	const struct dma_regs *regs = &t->dma->regs;

	if (t->dma->command == DMA_COPY)
		memmove(t->target, t->source, regs->length_bytes);
	else
		memset(t->target, (int)regs->value, regs->length_bytes);
}

/* False: an error, nothing was written, or memory is lost. */
static bool carry_out(struct dma *dma)
{
	const struct dma_regs *regs = &dma->regs;
	const struct device_host *host = dma->host;
	uint32_t length = regs->length_bytes;
	uint8_t *target =
		host->memory_at(host->opaque, regs->target_gpa, length);
	const uint8_t *source = target;

	if (dma->command != DMA_COPY && dma->command != DMA_FILL)
		return false;
	if (dma->command == DMA_COPY)
		source =
			host->memory_at(host->opaque, regs->source_gpa, length);
	if (!target || !source || length > DMA_MAX_BYTES)
		return false;
	if (!length)
		return true;
	if (!lost_memory_try(transfer, &(struct transfer){target, source, dma}))
		return false;
	host->memory_written(host->opaque, regs->target_gpa, length);
	return true;
}

static void dma_complete(void *self)
{
	struct dma *dma = self;

	if (!(dma->regs.status & DMA_BUSY))
		return;
	dma->regs.status = carry_out(dma) ? DMA_DONE : DMA_DONE | DMA_ERROR;
}

static void dma_save(const void *self, struct vm_buf *buf)
{
	const struct dma *dma = self;

	vm_buf_put64(buf, dma->regs.source_gpa);
	vm_buf_put64(buf, dma->regs.target_gpa);
	vm_buf_put32(buf, dma->regs.length_bytes);
	vm_buf_put32(buf, dma->regs.value);
	vm_buf_put32(buf, dma->regs.status);
}

static void dma_load(struct vm_reader *reader, void *ret_regs)
{
	struct dma_regs *regs = ret_regs;

	regs->source_gpa = vm_read64(reader);
	regs->target_gpa = vm_read64(reader);
	regs->length_bytes = vm_read32(reader);
	regs->value = vm_read32(reader);
	regs->status = vm_read32(reader);
}

static int dma_check(const void *self, const void *loaded,
		     struct smudge_error *err)
{
	const struct dma_regs *regs = loaded;

	if (regs->value <= 0xff && (!regs->status || regs->status == DMA_DONE ||
				    regs->status == (DMA_DONE | DMA_ERROR)))
		return 0;
	return smudge_error_set(err, -EINVAL, "dma",
				"the DMA engine's state has the status %#x and "
				"the value %#x, which a stopped machine never "
				"has",
				regs->status, regs->value);
}

static void dma_apply(void *self, const void *loaded)
{
	const struct dma_regs *regs = loaded;
	struct dma *dma = self;

	dma->regs = *regs;
}

const struct device_ops dma_device = {
	.name = "dma",
	.version = 1,
	.size = sizeof(struct dma),
	.regs_size = sizeof(struct dma_regs),
	.open = dma_open,
	.has_port = dma_has_port,
	.in = dma_in,
	.out = dma_out,
	.complete = dma_complete,
	.save = dma_save,
	.load = dma_load,
	.check = dma_check,
	.apply = dma_apply,
};
