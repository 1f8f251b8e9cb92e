/* SPDX-License-Identifier: MIT */
/*
 * The DMA engine: copy, fill, overlapping ranges against a naive copy, what it
 * reports as written, and a state that is the same after saving and loading.
 */
#include "support.h"

#include <string.h>

#include "base/bytes.h"
#include "devices/devices.h"
#include "devices/dma.h"

#define RAM_BYTES 8192

struct rig {
	struct device_host host;
	struct dma dma;
	uint8_t ram[RAM_BYTES];
	uint64_t wrote_gpa, wrote_bytes;
	unsigned int nwrites;
	uint8_t at_write; /* the first byte when it was reported */
};

static uint8_t *at(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	struct rig *rig = opaque;

	if (gpa > RAM_BYTES || length_bytes > RAM_BYTES - gpa)
		return NULL;
	return rig->ram + gpa;
}

static void wrote(void *opaque, uint64_t gpa, uint64_t length_bytes)
{
	struct rig *rig = opaque;

	rig->wrote_gpa = gpa;
	rig->wrote_bytes = length_bytes;
	rig->at_write = rig->ram[gpa];
	rig->nwrites++;
}

static void start(struct rig *rig)
{
	*rig = (struct rig){.host = {.opaque = rig,
				     .memory_at = at,
				     .memory_written = wrote}};
	assert_int_equal(dma_device.open(&rig->dma, &rig->host, NULL, NULL), 0);
}

static uint32_t ask(struct rig *rig, uint32_t command, uint64_t source,
		    uint64_t target, uint32_t length)
{
	const uint32_t values[] = {(uint32_t)source, (uint32_t)(source >> 32),
				   (uint32_t)target, (uint32_t)(target >> 32),
				   length};

	for (int i = 0; i < 5; i++)
		assert_false(dma_device.out(
			&rig->dma, (uint16_t)(0x700 + 4 * i), 4, values[i]));
	assert_true(dma_device.out(&rig->dma, 0x718, 4, command));
	assert_int_equal(dma_device.in(&rig->dma, 0x718, 4), DMA_BUSY);
	/* ignored while it is busy */
	assert_false(dma_device.out(&rig->dma, 0x718, 4, DMA_FILL));
	assert_false(dma_device.out(&rig->dma, 0x708, 4, 99));
	dma_device.complete(&rig->dma);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
			dma_device.in(&rig->dma, (uint16_t)(0x700 + 4 * i), 4),
			values[i]);
	return dma_device.in(&rig->dma, 0x718, 4);
}

static void test_copies(void **state)
{
	struct test_rng rng = test_rng_start("vm_dma");
	static struct rig rig;

	start(&rig);
	for (int round = 0; round < 2000; round++) {
		static uint8_t expected[RAM_BYTES], source[RAM_BYTES];
		uint32_t length = (uint32_t)test_rng_below(&rng, 300);
		uint64_t from = test_rng_below(&rng, 500);
		uint64_t to = test_rng_below(&rng, 500);

		for (int i = 0; i < RAM_BYTES; i++)
			rig.ram[i] = (uint8_t)test_rng_next(&rng);
		memcpy(expected, rig.ram, RAM_BYTES);
		memcpy(source, rig.ram, RAM_BYTES);
		memcpy(expected + to, source + from, length);
		rig.nwrites = 0;
		assert_int_equal(ask(&rig, DMA_COPY, from, to, length),
				 DMA_DONE);
		assert_memory_equal(rig.ram, expected, RAM_BYTES);
		assert_int_equal(rig.nwrites, length != 0);
		if (length) {
			assert_int_equal(rig.wrote_gpa, to);
			assert_int_equal(rig.wrote_bytes, length);
			assert_int_equal(rig.at_write, expected[to]);
		}
	}
}

static void test_fill(void **state)
{
	static struct rig rig;

	start(&rig);
	dma_device.out(&rig.dma, 0x714, 4, 0xabcd);
	assert_int_equal(dma_device.in(&rig.dma, 0x714, 4), 0xcd);
	assert_int_equal(ask(&rig, DMA_FILL, UINT64_MAX, 100, 3), DMA_DONE);
	assert_memory_equal(rig.ram + 99, "\0\xcd\xcd\xcd\0", 5);
	assert_int_equal(rig.wrote_gpa, 100);
	/* not busy: nothing to run */
	dma_device.complete(&rig.dma);
	assert_int_equal(rig.nwrites, 1);
}

static void test_state(void **state)
{
	struct dma from = {.regs = {UINT64_MAX, 1, UINT32_MAX, 0xff,
				    DMA_DONE | DMA_ERROR}};
	struct dma to = {0};
	struct dma_regs loaded = {0};
	struct device device = {&dma_device, &to, &loaded, false};
	struct vm_buf buf = {0}, again = {0};

	dma_device.save(&from, &buf);
	assert_int_equal(device_load(&device, buf.bytes, buf.len, NULL), 0);
	assert_true(device.is_loaded);
	assert_int_equal(to.regs.status, 0);
	dma_device.apply(&to, &loaded);
	dma_device.save(&to, &again);
	assert_int_equal(buf.len, again.len);
	assert_memory_equal(buf.bytes, again.bytes, buf.len);
	assert_true(to.regs.source_gpa == from.regs.source_gpa);
	vm_buf_free(&buf);
	vm_buf_free(&again);
}

TEST_MAIN(test_copies, test_fill, test_state)
