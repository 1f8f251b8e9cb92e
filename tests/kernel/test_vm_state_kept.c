/* SPDX-License-Identifier: MIT */
/*
 * What an engine accepts it keeps: a state with random values everywhere that
 * is loaded is saved again the same, on each engine, and on one after the
 * other; but for the time stamp counter, which continues.
 */
#include "vm_cpu.h"

#include <string.h>

#include <smudge/error.h>

#define ROUNDS	     50
#define CANONICAL(x) ((x) >> 17)
#define FCW_RESERVED 0x40
#define PAT_TYPES    UINT64_C(0x0007040600070406)

static uint16_t random_fpu_status(struct test_rng *rng)
{
	/* the top and the condition codes, no exception */
	return (uint16_t)(test_rng_next(rng) & 0x7f00);
}

static void fill_fpu(struct vcpu_fpu *fpu, struct test_rng *rng)
{
	fpu->fcw =
		(uint16_t)((test_rng_next(rng) & 0xf3f) | FCW_RESERVED | 0x3f);
	fpu->fsw = random_fpu_status(rng);
	fpu->ftw = (uint8_t)test_rng_next(rng);
	fpu->mxcsr = 0x1f80;
	for (size_t i = 0; i < sizeof(fpu->st); i++)
		fpu->st[i / 10][i % 10] = (uint8_t)test_rng_next(rng);
	for (size_t i = 0; i < sizeof(fpu->xmm); i++)
		fpu->xmm[i / 16][i % 16] = (uint8_t)test_rng_next(rng);
}

static void fill(struct vcpu_state *cpu, struct test_rng *rng)
{
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		cpu->gpr[i] = test_rng_next(rng);
	cpu->rflags = (test_rng_next(rng) & 0xcd5) | 2;
	cpu->cr2 = CANONICAL(test_rng_next(rng));
	cpu->idt.base = CANONICAL(test_rng_next(rng));
	cpu->idt.limit_bytes = (uint16_t)test_rng_next(rng);
	cpu->seg[VCPU_FS].base = CANONICAL(test_rng_next(rng));
	cpu->seg[VCPU_GS].base = CANONICAL(test_rng_next(rng));
	cpu->seg[VCPU_TR].base = CANONICAL(test_rng_next(rng));
	cpu->seg[VCPU_TR].selector = 0x10;
	cpu->seg[VCPU_TR].limit_bytes = (uint16_t)test_rng_next(rng);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		cpu->msr[i] = CANONICAL(test_rng_next(rng));
	cpu->msr[VCPU_MSR_SFMASK] &= UINT32_MAX;
	cpu->msr[VCPU_MSR_SYSENTER_CS] &= UINT16_MAX;
	if (__builtin_cpu_is("amd")) { /* 32 bits there: KVM refuses more */
		cpu->msr[VCPU_MSR_SYSENTER_ESP] &= UINT32_MAX;
		cpu->msr[VCPU_MSR_SYSENTER_EIP] &= UINT32_MAX;
	}
	cpu->msr[VCPU_MSR_PAT] =
		test_rng_next(rng) % 2 ? PAT_TYPES : PAT_TYPES << 8 | 6;
	cpu->msr[VCPU_MSR_TSC] = 1;
	fill_fpu(&cpu->fpu, rng);
}

static void must(int ret, const struct smudge_error *err)
{
	if (ret < 0)
		fail_msg("%s", err->message);
}

/* Unusable registers have a selector, and else what an engine likes. */
static void settle(struct vcpu_state *cpu)
{
	for (unsigned int i = 0; i < VCPU_NSEG; i++)
		if (cpu->seg[i].attr & VCPU_ATTR_UNUSABLE)
			cpu->seg[i] = (struct vcpu_segment){
				.selector = cpu->seg[i].selector,
				.attr = VCPU_ATTR_UNUSABLE};
	cpu->msr[VCPU_MSR_TSC] = 0;
}

static void check_same(struct vcpu_state a, struct vcpu_state b)
{
	struct vm_buf first = {0};
	struct vm_buf second = {0};

	settle(&a);
	settle(&b);
	assert_int_equal(vcpu_state_encode(&a, &first), 0);
	assert_int_equal(vcpu_state_encode(&b, &second), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.bytes, second.bytes, first.len);
	vm_buf_free(&first);
	vm_buf_free(&second);
}

/* Into each engine in turn, from the last one to the next. */
static void pass_on(const char *const engines[], size_t n, const char *name)
{
	struct test_rng rng = test_rng_start(name);
	struct smudge_error err = {0};
	struct vm_guest guests[2];
	struct vcpu_state before;
	struct vcpu_state after;

	for (size_t i = 0; i < n; i++)
		vm_guest_need(engines[i]);
	for (size_t i = 0; i < n; i++)
		vm_guest_open(&guests[i], engines[i], "auto",
			      "working-set=64K");
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct vm_buf buf = {0};

		vm_cpu_save(&guests[0], &buf, &before);
		fill(&before, &rng);
		for (size_t i = 0; i < n; i++) {
			must(vm_cpu_load(&guests[i], &buf, &before, &err),
			     &err);
			buf.len = 0;
			vm_cpu_save(&guests[i], &buf, &after);
			check_same(before, after);
			before = after;
		}
		vm_buf_free(&buf);
	}
	for (size_t i = 0; i < n; i++)
		vm_guest_close(&guests[i]);
}

static void test_unicorn(void **state)
{
	static const char *const engines[] = {"unicorn"};

	pass_on(engines, 1, "unicorn");
}

static void test_kvm(void **state)
{
	static const char *const engines[] = {"kvm"};

	pass_on(engines, 1, "kvm");
}

static void test_kvm_to_unicorn(void **state)
{
	static const char *const engines[] = {"kvm", "unicorn"};

	pass_on(engines, 2, "kvm_to_unicorn");
}

static void test_unicorn_to_kvm(void **state)
{
	static const char *const engines[] = {"unicorn", "kvm"};

	pass_on(engines, 2, "unicorn_to_kvm");
}

TEST_MAIN(test_unicorn, test_kvm, test_kvm_to_unicorn, test_unicorn_to_kvm)
