/* SPDX-License-Identifier: MIT */
/*
 * Invalid commands of a guest to the DMA engine: the error bit is set, and
 * nothing is written. Invalid states of a peer: one sentence each.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "devices/devices.h"
#include "devices/dma.h"

#define RAM_BYTES 4096
#define RAM_GPA	  UINT64_C(0x100000000)

static uint8_t ram[RAM_BYTES];

static uint8_t *at(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	if (gpa < RAM_GPA || gpa - RAM_GPA > RAM_BYTES ||
	    length_bytes > RAM_BYTES - (gpa - RAM_GPA))
		return NULL;
	return ram + (gpa - RAM_GPA);
}

static void wrote(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	fail_msg("written: %#llx", (unsigned long long)gpa);
}

static const struct device_host host = {.memory_at = at,
					.memory_written = wrote};

static void test_absurd_requests(void **state)
{
	static const struct {
		uint32_t command, length;
		uint64_t source, target;
	} bad[] = {
		{DMA_COPY, 1, RAM_GPA, 0},
		{DMA_COPY, 1, 0, RAM_GPA},
		{DMA_COPY, RAM_BYTES + 1, RAM_GPA, RAM_GPA},
		{DMA_COPY, 2, RAM_GPA, RAM_GPA + RAM_BYTES - 1},
		{DMA_COPY, UINT32_MAX, RAM_GPA, RAM_GPA},
		{DMA_COPY, UINT32_MAX, UINT64_MAX, UINT64_MAX},
		{DMA_COPY, 2, UINT64_MAX, RAM_GPA},
		{DMA_FILL, 1, RAM_GPA, UINT64_MAX},
		{DMA_FILL, DMA_MAX_BYTES + 1, 0, RAM_GPA},
		{DMA_FILL, 0, RAM_GPA, 0},
		{0, 1, RAM_GPA, RAM_GPA},
		{3, 1, RAM_GPA, RAM_GPA},
		{UINT32_MAX, 1, RAM_GPA, RAM_GPA},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dma dma = {.regs = {.source_gpa = bad[i].source,
					   .target_gpa = bad[i].target,
					   .length_bytes = bad[i].length},
				  .host = &host};

		assert_true(dma_device.out(&dma, 0x718, 4, bad[i].command));
		dma_device.complete(&dma);
		assert_int_equal(dma_device.in(&dma, 0x718, 4),
				 DMA_DONE | DMA_ERROR);
	}
}

/* Other ports, other sizes. */
static void test_strange_accesses(void **state)
{
	struct dma dma = {.host = &host};
	struct dma before = dma;

	assert_false(dma_device.has_port(&dma, DMA_PORT_FIRST - 1, 4));
	assert_false(dma_device.has_port(&dma, DMA_PORT_LAST + 1, 4));
	for (uint16_t port = DMA_PORT_FIRST; port <= DMA_PORT_LAST; port++) {
		for (unsigned int size = 1; size <= 4; size *= 2) {
			if (size == 4 && port % 4 == 0)
				continue;
			assert_false(
				dma_device.out(&dma, port, size, UINT32_MAX));
			assert_true(dma_device.in(&dma, port, size) ==
				    UINT32_MAX);
		}
	}
	assert_memory_equal(&dma, &before, sizeof(dma));
}

static void test_hostile_state(void **state)
{
	const struct dma_regs bad[] = {
		{.status = DMA_BUSY},
		{.status = DMA_ERROR},
		{.status = DMA_BUSY | DMA_DONE},
		{.status = UINT32_MAX},
		{.value = 0x100},
	};
	struct dma dma = {.regs = {.value = 7}};
	struct dma_regs loaded;
	struct device device = {&dma_device, &dma, &loaded, false};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dma from = {.regs = bad[i]};
		struct smudge_error err = {0};
		struct vm_buf buf = {0};

		dma_device.save(&from, &buf);
		assert_int_equal(device_load(&device, buf.bytes, buf.len, &err),
				 -EINVAL);
		assert_non_null(strstr(err.message, "DMA engine's state"));
		vm_buf_free(&buf);
	}
	for (size_t len = 0; len < 40; len++) {
		uint8_t bytes[40] = {0};
		struct smudge_error err = {0};

		if (len == 28)
			continue;
		assert_int_equal(device_load(&device, bytes, len, &err),
				 -EINVAL);
		assert_non_null(strstr(err.message, "wrong length"));
	}
	assert_false(device.is_loaded);
	assert_int_equal(dma.regs.value, 7);
}

TEST_MAIN(test_absurd_requests, test_strange_accesses, test_hostile_state)
