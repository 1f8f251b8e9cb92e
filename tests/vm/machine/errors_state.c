/* SPDX-License-Identifier: MIT */
/*
 * A hostile vCPU or device state is refused with a sentence, and nothing is
 * written to the result.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "devices/devices.h"
#include "devices/serial.h"
#include "engine/vcpu_state.h"

static void good(struct vcpu_state *vcpu)
{
	struct vcpu_table gdt = {.base = 0x1000, .limit_bytes = 23};

	memset(vcpu, 0, sizeof(*vcpu));
	vcpu_state_init_long_mode(vcpu, 0x400000, 0x10000, 0x10000, gdt);
}

static void refuse(const struct vcpu_state *vcpu, const char *sentence)
{
	struct smudge_error err = {0};
	struct vcpu_state result = {.rip = 42};
	struct vm_buf buf = {0};
	int ret;

	assert_int_equal(vcpu_state_encode(vcpu, &buf), 0);
	ret = vcpu_state_decode(buf.bytes, buf.len, &result, &err);
	if (ret != -EINVAL || !strstr(err.message, sentence))
		fail_msg("%s: %d, \"%s\"", sentence, ret, err.message);
	assert_int_equal(result.rip, 42);
	vm_buf_free(&buf);
}

#define REFUSE(field, value, sentence)    \
	do {                              \
		struct vcpu_state vcpu_;  \
                                          \
		good(&vcpu_);             \
		vcpu_.field = value;      \
		refuse(&vcpu_, sentence); \
	} while (0)

static void test_impossible_registers(void **state)
{
	REFUSE(rip, UINT64_C(1) << 47, "rip");
	REFUSE(rflags, 0, "rflags");
	REFUSE(rflags, UINT64_C(1) << 40 | 2, "rflags");
	REFUSE(cr0, UINT64_C(1) << 32, "cr0");
	REFUSE(cr0, UINT64_C(0x80000000), "the operating mode");
	REFUSE(cr0, UINT64_C(0x11), "the operating mode");
	REFUSE(cr3, UINT64_C(1) << 52, "cr3");
	REFUSE(cr4, 0, "the operating mode");
	REFUSE(cr4, UINT64_C(1) << 63, "cr4");
	REFUSE(cr8, 16, "cr8");
	REFUSE(efer, UINT64_C(0x400), "the operating mode");
	REFUSE(efer, UINT64_C(1) << 20, "efer");
	REFUSE(seg[VCPU_CS].attr, 0x20000, "a segment register");
	REFUSE(seg[VCPU_FS].base, UINT64_C(1) << 60, "a segment register");
	REFUSE(gdt.base, UINT64_C(1) << 60, "a descriptor table");
	REFUSE(idt.base, UINT64_C(1) << 47, "a descriptor table");
	REFUSE(msr[VCPU_MSR_LSTAR], UINT64_C(1) << 50, "model-specific");
	REFUSE(msr[VCPU_MSR_PAT], 2, "page attribute");
	REFUSE(fpu.mxcsr, 0x10000, "mxcsr");
	REFUSE(halted, 2, "halted");
}

static void test_wrong_lengths(void **state)
{
	struct vcpu_state result;
	struct vm_buf buf = {0};
	struct vcpu_state vcpu;

	good(&vcpu);
	assert_int_equal(vcpu_state_encode(&vcpu, &buf), 0);
	vm_buf_put8(&buf, 0);
	for (size_t len = 0; len <= buf.len; len++) {
		int expected = len == buf.len - 1 ? 0 : -EINVAL;

		assert_int_equal(
			vcpu_state_decode(buf.bytes, len, &result, NULL),
			expected);
	}
	vm_buf_free(&buf);
}

/* Random bytes never crash, whatever they decode to. */
static void test_random_bytes(void **state)
{
	struct test_rng rng = test_rng_start("random_bytes");
	struct vcpu_state result;
	struct vm_buf buf = {0};
	struct vcpu_state vcpu;

	good(&vcpu);
	assert_int_equal(vcpu_state_encode(&vcpu, &buf), 0);
	for (unsigned int round = 0; round < 100000; round++) {
		size_t at = test_rng_below(&rng, buf.len);
		uint8_t before = buf.bytes[at];

		buf.bytes[at] = (uint8_t)test_rng_next(&rng);
		vcpu_state_decode(buf.bytes, buf.len, &result, NULL);
		buf.bytes[at] = before;
	}
	vm_buf_free(&buf);
}

static void test_device_states(void **state)
{
	struct serial serial = {.regs = {.fifo_len = 16}};
	struct serial_regs regs;
	struct device device = {&serial_device, &serial, &regs, false};
	struct smudge_error err = {0};
	struct vm_buf buf = {0};

	serial_device.save(&serial, &buf);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(device_load(&device, buf.bytes, len, NULL),
				 -EINVAL);
	buf.bytes[8] = 17;
	assert_int_equal(device_load(&device, buf.bytes, buf.len, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "17 bytes in a FIFO of 16"));
	assert_false(device.is_loaded);
	vm_buf_free(&buf);
}

static void test_timer_state(void **state)
{
	static const uint8_t bytes[5] = {0};
	uint32_t value;
	struct device device = {&timer_device, NULL, &value, false};
	struct smudge_error err = {0};

	assert_int_equal(device_load(&device, bytes, 3, &err), -EINVAL);
	assert_non_null(strstr(err.message, "'timer' has a wrong length"));
	assert_int_equal(device_load(&device, bytes, 5, NULL), -EINVAL);
	assert_false(device.is_loaded);
}

TEST_MAIN(test_impossible_registers, test_wrong_lengths, test_random_bytes,
	  test_device_states, test_timer_state)
