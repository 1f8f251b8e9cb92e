/* SPDX-License-Identifier: MIT */
/*
 * A guest under KVM that uses registers which the state of a vCPU does not
 * carry cannot be saved, since it would go wrong elsewhere without them. The
 * guest continues.
 */
#include "vm_cpu.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#define MAX_CODE 64
#define NTRIES	 60
#define LOOP	 0xeb, 0xfe

/*
 * Save the guest once it is in its loop. Nothing says when it is: a quarter of
 * a second is enough on an idle machine, and on a busy one it is tried again.
 */
static int save_in_loop(struct vm_guest *guest, struct smudge_error *err)
{
	int ret = 0;

	for (int i = 0; i < NTRIES && ret == 0; i++) {
		struct vm_buf buf = {0};

		assert_int_equal(machine_resume(guest->machine), 0);
		usleep(250000);
		machine_pause(guest->machine, MACHINE_PAUSED);
		ret = machine_save_state(guest->machine, &buf, err);
		vm_buf_free(&buf);
	}
	return ret;
}

static void check(const char *sentence, const uint8_t *code, size_t len)
{
	struct smudge_error err = {0};
	struct vm_guest guest;
	struct vcpu_state cpu;
	struct vm_buf buf = {0};
	uint8_t *memory;
	int ret = 0;

	vm_guest_need("kvm");
	vm_guest_open(&guest, "kvm", "auto", "working-set=64K");
	vm_cpu_save(&guest, &buf, &cpu);
	memory = ram_at(machine_ram(guest.machine), cpu.rip, MAX_CODE);
	memcpy(memory, code, len);
	ret = save_in_loop(&guest, &err);
	if (ret != -EOPNOTSUPP || !strstr(err.message, sentence))
		fail_msg("%s: %d \"%s\"", sentence, ret, err.message);
	assert_int_equal(machine_resume(guest.machine), 0);
	vm_buf_free(&buf);
	vm_guest_close(&guest);
}

/* By QEMU, which does not intercept a guest's XSETBV. */
static bool is_emulated(void)
{
	unsigned int eax, name[3];

	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return memcmp(name, "TCGTCGTCGTCG", sizeof(name)) == 0;
}

static void test_avx(void **state)
{
	/* mov eax, 0x40020; mov cr4, rax; xor ecx, ecx; xor edx, edx;
	 * mov eax, 7; xsetbv */
	static const uint8_t code[] = {
		0xb8, 0x20, 0, 4, 0, 0x0f, 0x22, 0xe0, 0x31, 0xc9, 0x31,
		0xd2, 0xb8, 7, 0, 0, 0,	   0x0f, 1,    0xd1, LOOP};

	if (!__builtin_cpu_supports("avx"))
		test_skip_without("avx", "this processor has none");
	if (is_emulated())
		test_skip_without("avx", "an emulated processor hides XSETBV");
	check("the guest uses AVX or later registers", code, sizeof(code));
}

static void test_debug_registers(void **state)
{
	/* mov eax, 0x401; mov dr7, rax */
	static const uint8_t code[] = {0xb8, 1,	   4,	 0,   0,
				       0x0f, 0x23, 0xf8, LOOP};

	check("the guest uses debug registers", code, sizeof(code));
}

/* Processors differ in how much of them they have: kept whole, or refused. */
static void test_half_registers(void **state)
{
	struct smudge_error err = {0};
	struct vm_guest guest;
	struct vcpu_state before;
	struct vcpu_state after;
	struct vm_buf buf = {0};
	int ret;

	vm_guest_need("kvm");
	vm_guest_open(&guest, "kvm", "auto", "working-set=64K");
	vm_cpu_save(&guest, &buf, &before);
	before.msr[VCPU_MSR_SYSENTER_ESP] = UINT64_C(0x123456789abc);
	before.msr[VCPU_MSR_SYSENTER_EIP] = UINT64_C(0x23456789abcd);
	ret = vm_cpu_load(&guest, &buf, &before, &err);
	if (ret < 0) {
		assert_int_equal(ret, -EINVAL);
		assert_non_null(
			strstr(err.message, "model-specific register 0x175"));
	} else {
		buf.len = 0;
		vm_cpu_save(&guest, &buf, &after);
		assert_true(after.msr[VCPU_MSR_SYSENTER_ESP] ==
				    before.msr[VCPU_MSR_SYSENTER_ESP] &&
			    after.msr[VCPU_MSR_SYSENTER_EIP] ==
				    before.msr[VCPU_MSR_SYSENTER_EIP]);
	}
	vm_buf_free(&buf);
	vm_guest_close(&guest);
}

TEST_MAIN(test_avx, test_debug_registers, test_half_registers)
