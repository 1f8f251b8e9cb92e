/* SPDX-License-Identifier: MIT */
/*
 * The decoders read what the encoders wrote, field by field. The first bytes
 * are those of the format on every host.
 */
#include "support.h"

#include <string.h>

#include "base/bytes.h"
#include "devices/devices.h"
#include "devices/serial.h"
#include "engine/vcpu_state.h"

#define CANONICAL(x) ((x)&UINT64_C(0x7fffffffffff))

static void fill_tables(struct test_rng *rng, struct vcpu_state *vcpu)
{
	for (unsigned int i = 0; i < VCPU_NSEG; i++) {
		vcpu->seg[i].base = CANONICAL(test_rng_next(rng));
		vcpu->seg[i].limit_bytes = (uint32_t)test_rng_next(rng);
		vcpu->seg[i].selector = (uint16_t)test_rng_next(rng);
		vcpu->seg[i].attr = (uint32_t)test_rng_next(rng) & 0x1f0ff;
	}
	vcpu->gdt.base = CANONICAL(test_rng_next(rng));
	vcpu->gdt.limit_bytes = (uint16_t)test_rng_next(rng);
	vcpu->idt.base = CANONICAL(test_rng_next(rng));
	vcpu->idt.limit_bytes = (uint16_t)test_rng_next(rng);
}

static void fill(struct test_rng *rng, struct vcpu_state *vcpu)
{
	struct vcpu_table gdt = {0};

	/* padding included, so that whole structs compare */
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu_state_init_long_mode(vcpu, CANONICAL(test_rng_next(rng)),
				  test_rng_next(rng), 0x10000, gdt);
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		vcpu->gpr[i] = test_rng_next(rng);
	fill_tables(rng, vcpu);
	vcpu->cr2 = test_rng_next(rng);
	vcpu->cr8 = test_rng_below(rng, 16);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		if (i != VCPU_MSR_PAT)
			vcpu->msr[i] = CANONICAL(test_rng_next(rng));
	for (unsigned int i = 0; i < sizeof(vcpu->fpu.st); i++)
		((uint8_t *)vcpu->fpu.st)[i] = (uint8_t)test_rng_next(rng);
	for (unsigned int i = 0; i < sizeof(vcpu->fpu.xmm); i++)
		((uint8_t *)vcpu->fpu.xmm)[i] = (uint8_t)test_rng_next(rng);
	vcpu->fpu.fsw = (uint16_t)test_rng_next(rng);
	vcpu->fpu.ftw = (uint8_t)test_rng_next(rng);
	vcpu->halted = (uint8_t)test_rng_below(rng, 2);
}

static void test_vcpu_round_trip(void **state)
{
	struct test_rng rng = test_rng_start("vcpu_round_trip");

	for (unsigned int round = 0; round < 1000; round++) {
		struct vcpu_state from;
		struct vcpu_state to = {0};
		struct vm_buf once = {0};
		struct vm_buf twice = {0};

		fill(&rng, &from);
		assert_int_equal(vcpu_state_encode(&from, &once), 0);
		assert_int_equal(
			vcpu_state_decode(once.bytes, once.len, &to, NULL), 0);
		assert_int_equal(vcpu_state_encode(&to, &twice), 0);
		assert_int_equal(once.len, twice.len);
		assert_memory_equal(once.bytes, twice.bytes, once.len);
		assert_memory_equal(from.gpr, to.gpr, sizeof(from.gpr));
		assert_memory_equal(from.msr, to.msr, sizeof(from.msr));
		assert_memory_equal(from.fpu.st, to.fpu.st,
				    sizeof(from.fpu.st));
		assert_memory_equal(from.fpu.xmm, to.fpu.xmm,
				    sizeof(from.fpu.xmm));
		assert_int_equal(from.rip, to.rip);
		assert_int_equal(from.seg[VCPU_TR].base, to.seg[VCPU_TR].base);
		assert_int_equal(from.seg[VCPU_GS].attr, to.seg[VCPU_GS].attr);
		assert_int_equal(from.halted, to.halted);
		vm_buf_free(&once);
		vm_buf_free(&twice);
	}
}

static void test_vcpu_bytes(void **state)
{
	static const uint8_t rax[] = {8, 7, 6, 5, 4, 3, 2, 1};
	struct vcpu_table gdt = {0};
	struct vm_buf buf = {0};
	struct vcpu_state vcpu;

	vcpu_state_init_long_mode(&vcpu, 0x400000, 0, 0, gdt);
	vcpu.gpr[VCPU_RAX] = UINT64_C(0x0102030405060708);
	assert_int_equal(vcpu_state_encode(&vcpu, &buf), 0);
	assert_int_equal(buf.len, 18 * 8 + 8 * 18 + 2 * 10 + 6 * 8 + 10 * 8 +
					  9 + 80 + 256 + 1);
	assert_memory_equal(buf.bytes, rax, sizeof(rax));
	assert_int_equal(buf.bytes[16 * 8 + 2], 0x40);
	vm_buf_free(&buf);
}

static void open_devices(struct devices *devices)
{
	const struct device_config config = {.serial = "null"};
	const struct device_host host = {0};

	assert_int_equal(devices_open(devices, &config, &host, NULL), 0);
}

static struct device *find(struct devices *devices,
			   const struct device_ops *ops)
{
	size_t i = 0;

	while (devices->list[i].ops != ops)
		i++;
	return &devices->list[i];
}

static void test_serial_round_trip(void **state)
{
	const struct serial_regs regs = {.ier = 1,
					 .fcr = 2,
					 .lcr = 3,
					 .mcr = 4,
					 .scr = 5,
					 .dll = 6,
					 .dlm = 7,
					 .overrun = 1,
					 .fifo_len = 3,
					 .fifo = "abc"};
	static const uint8_t bytes[25] = {1, 2, 3, 4,	5,   6,
					  7, 1, 3, 'a', 'b', 'c'};
	struct serial *serial;
	struct vm_buf buf = {0};
	struct devices devices;
	struct device *device;

	open_devices(&devices);
	serial = devices_find(&devices, &serial_device);
	device = find(&devices, &serial_device);
	serial->regs = regs;
	devices_save(&devices, device, &buf);
	assert_int_equal(buf.len, sizeof(bytes));
	assert_memory_equal(buf.bytes, bytes, sizeof(bytes));
	serial->regs = (struct serial_regs){0};
	assert_int_equal(device_load(device, buf.bytes, buf.len, NULL), 0);
	assert_int_equal(serial->regs.ier, 0);
	devices_apply(&devices);
	assert_memory_equal(&serial->regs, &regs, sizeof(regs));
	vm_buf_free(&buf);
	devices_close(&devices);
}

/* The value continues from where it was, on a clock that started elsewhere. */
static void test_timer_continues(void **state)
{
	static const uint8_t saved[] = {0xf0, 0xff, 0xff, 0xff};
	struct vm_buf buf = {0};
	struct devices there;
	struct device *timer;
	uint32_t value;

	open_devices(&there);
	vm_clock_start(&there.clock);
	while (devices_in(&there, 0x608, 4) < 1000)
		;
	vm_clock_stop(&there.clock);
	timer = find(&there, &timer_device);
	assert_int_equal(device_load(timer, saved, sizeof(saved), NULL), 0);
	devices_apply(&there);
	assert_true(devices_in(&there, 0x608, 4) == 0xfffffff0);
	vm_clock_start(&there.clock);
	do
		value = devices_in(&there, 0x608, 4);
	while (value >= 0xfffffff0);
	vm_clock_stop(&there.clock);
	value = devices_in(&there, 0x608, 4);
	assert_int_equal(devices_in(&there, 0x608, 4), value);
	devices_save(&there, timer, &buf);
	assert_int_equal(buf.len, 4);
	assert_int_equal(buf.bytes[0], value & 0xff);
	assert_int_equal(buf.bytes[3], value >> 24);
	vm_buf_free(&buf);
	devices_close(&there);
}

/* By how much the counter grows while such a value is written. */
static uint32_t stands_for(struct devices *devices, uint32_t ahead)
{
	uint32_t value = devices_in(devices, 0x608, 4);

	devices_out(devices, 0x608, 4, value + ahead);
	return devices_in(devices, 0x608, 4) - value;
}

/* The value is in ticks, 3,579 of them in a millisecond, and rounded down. */
static void test_timer_is_waited_for(void **state)
{
	struct devices devices;

	open_devices(&devices);
	vm_clock_start(&devices.clock);
	assert_in_range(stands_for(&devices, 1800), 1799, UINT32_MAX);
	/* and no longer than a millisecond, so this returns */
	assert_in_range(stands_for(&devices, INT32_MAX), 3578, UINT32_MAX);
	/* what is behind it is no time ahead */
	while (stands_for(&devices, (uint32_t)-2) > 3000)
		;
	vm_clock_stop(&devices.clock);
	assert_int_equal(stands_for(&devices, 1), 0);
	devices_close(&devices);
}

static bool may_not_rest(void *opaque)
{
	return false;
}

/* A vCPU that is to leave the guest. 1,000 waits take a second at least. */
static void test_no_wait_beside_a_stop(void **state)
{
	struct devices devices;
	uint32_t before;

	open_devices(&devices);
	devices.host.may_rest = may_not_rest;
	vm_clock_start(&devices.clock);
	do {
		before = devices_in(&devices, 0x608, 4);
		for (int i = 0; i < 1000; i++)
			stands_for(&devices, INT32_MAX);
	} while (devices_in(&devices, 0x608, 4) - before > 3500000);
	devices_close(&devices);
}

static void test_forgotten_is_not_applied(void **state)
{
	static const uint8_t saved[] = {1, 2, 3, 4};
	struct devices devices;
	struct device *timer;

	open_devices(&devices);
	timer = find(&devices, &timer_device);
	assert_int_equal(device_load(timer, saved, sizeof(saved), NULL), 0);
	devices_forget(&devices);
	devices_apply(&devices);
	assert_int_equal(devices_in(&devices, 0x608, 4), 0);
	devices_close(&devices);
}

static void test_unknown_ports_read_ones(void **state)
{
	struct devices devices;

	open_devices(&devices);
	assert_int_equal(devices_in(&devices, 0x60, 1), 0xff);
	assert_int_equal(devices_in(&devices, 0x60, 2), 0xffff);
	assert_true(devices_in(&devices, 0x60, 4) == UINT32_MAX);
	devices_out(&devices, 0x60, 1, 1);
	assert_int_equal(devices_in(&devices, 0x3fd, 1), 0x60);
	devices_close(&devices);
}

TEST_MAIN(test_vcpu_round_trip, test_vcpu_bytes, test_serial_round_trip,
	  test_timer_continues, test_timer_is_waited_for,
	  test_no_wait_beside_a_stop, test_forgotten_is_not_applied,
	  test_unknown_ports_read_ones)
