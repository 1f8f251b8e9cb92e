/* SPDX-License-Identifier: MIT */
/*
 * vCPU state between Unicorn's registers and the engine-neutral one.
 *
 * Unicorn runs 64-bit code only in the mode it was opened with, so a state in
 * another mode is refused. The descriptors behind the selectors, CR8 and the
 * system-call registers that its processor lacks come back as they were set:
 * a guest that changes them by itself is beyond this engine.
 */
#include "engine_unicorn.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#define MSR_EFER      0xc0000080
#define EFER_LMA      UINT64_C(0x400)
#define ATTR_LONG     0x2000u
#define FSW_TOP_SHIFT 11

static const int gpr_ids[VCPU_NGPR] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,	UC_X86_REG_R9,	UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

/* The first error of a row of accesses sticks. */
struct access {
	uc_engine *uc;
	uc_err first;
};

static void put(struct access *access, int id, const void *value)
{
	uc_err ret = uc_reg_write(access->uc, id, value);

	if (access->first == UC_ERR_OK)
		access->first = ret;
}

static void get(struct access *access, int id, void *value)
{
	uc_err ret = uc_reg_read(access->uc, id, value);

	if (access->first == UC_ERR_OK)
		access->first = ret;
}

static void put_msr(struct access *access, uint32_t index, uint64_t value)
{
	uc_x86_msr msr = {.rid = index, .value = value};

	put(access, UC_X86_REG_MSR, &msr);
}

static uint64_t get_msr(struct access *access, uint32_t index)
{
	uc_x86_msr msr = {.rid = index};

	get(access, UC_X86_REG_MSR, &msr);
	return msr.value;
}

static void put_system(struct access *access, const struct vcpu_state *state)
{
	const struct vcpu_segment *tr = &state->seg[VCPU_TR];
	uc_x86_mmr gdt = {.base = state->gdt.base,
			  .limit = state->gdt.limit_bytes};
	uc_x86_mmr idt = {.base = state->idt.base,
			  .limit = state->idt.limit_bytes};
	uc_x86_mmr task = {.selector = tr->selector,
			   .base = tr->base,
			   .limit = tr->limit_bytes,
			   .flags = tr->attr << 8};

	put(access, UC_X86_REG_GDTR, &gdt);
	put(access, UC_X86_REG_IDTR, &idt);
	put(access, UC_X86_REG_TR, &task);
	/* in the order in which a processor enters 64-bit mode */
	put_msr(access, MSR_EFER, state->efer);
	put(access, UC_X86_REG_CR4, &state->cr4);
	put(access, UC_X86_REG_CR3, &state->cr3);
	put(access, UC_X86_REG_CR2, &state->cr2);
	put(access, UC_X86_REG_CR0, &state->cr0);
	put(access, UC_X86_REG_FS_BASE, &state->seg[VCPU_FS].base);
	put(access, UC_X86_REG_GS_BASE, &state->seg[VCPU_GS].base);
	put_msr(access, vcpu_msr_index[VCPU_MSR_STAR],
		state->msr[VCPU_MSR_STAR]);
	put_msr(access, vcpu_msr_index[VCPU_MSR_LSTAR],
		state->msr[VCPU_MSR_LSTAR]);
	put_msr(access, vcpu_msr_index[VCPU_MSR_SFMASK],
		state->msr[VCPU_MSR_SFMASK]);
	put_msr(access, vcpu_msr_index[VCPU_MSR_KERNEL_GS_BASE],
		state->msr[VCPU_MSR_KERNEL_GS_BASE]);
}

static void get_system(struct access *access, struct vcpu_state *state)
{
	uc_x86_mmr gdt = {0};
	uc_x86_mmr idt = {0};

	get(access, UC_X86_REG_GDTR, &gdt);
	get(access, UC_X86_REG_IDTR, &idt);
	state->gdt.base = gdt.base;
	state->gdt.limit_bytes = (uint16_t)gdt.limit;
	state->idt.base = idt.base;
	state->idt.limit_bytes = (uint16_t)idt.limit;
	state->efer = get_msr(access, MSR_EFER);
	get(access, UC_X86_REG_CR0, &state->cr0);
	get(access, UC_X86_REG_CR2, &state->cr2);
	get(access, UC_X86_REG_CR3, &state->cr3);
	get(access, UC_X86_REG_CR4, &state->cr4);
	get(access, UC_X86_REG_FS_BASE, &state->seg[VCPU_FS].base);
	get(access, UC_X86_REG_GS_BASE, &state->seg[VCPU_GS].base);
	state->msr[VCPU_MSR_STAR] =
		get_msr(access, vcpu_msr_index[VCPU_MSR_STAR]);
	state->msr[VCPU_MSR_LSTAR] =
		get_msr(access, vcpu_msr_index[VCPU_MSR_LSTAR]);
	state->msr[VCPU_MSR_SFMASK] =
		get_msr(access, vcpu_msr_index[VCPU_MSR_SFMASK]);
	state->msr[VCPU_MSR_KERNEL_GS_BASE] =
		get_msr(access, vcpu_msr_index[VCPU_MSR_KERNEL_GS_BASE]);
}

/* Unicorn numbers x87 registers by place, the state by distance from the top.
 */
static int st_id(const struct vcpu_fpu *fpu, unsigned int i)
{
	unsigned int top = fpu->fsw >> FSW_TOP_SHIFT & 7;

	return UC_X86_REG_FP0 + (int)((top + i) & 7);
}

static void put_fpu(struct access *access, const struct vcpu_fpu *fpu)
{
	uint16_t tags = 0;
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (!(fpu->ftw >> i & 1))
			tags |= (uint16_t)(3u << (2 * i));
	put(access, UC_X86_REG_FPCW, &fpu->fcw);
	put(access, UC_X86_REG_FPSW, &fpu->fsw);
	for (i = 0; i < 8; i++)
		put(access, st_id(fpu, i), fpu->st[i]);
	put(access, UC_X86_REG_FPTAG, &tags);
	for (i = 0; i < 16; i++)
		put(access, UC_X86_REG_XMM0 + (int)i, fpu->xmm[i]);
	put(access, UC_X86_REG_MXCSR, &fpu->mxcsr);
}

static void get_fpu(struct access *access, struct vcpu_fpu *fpu)
{
	uint8_t st[16];
	uint16_t tags = 0;
	unsigned int i;

	get(access, UC_X86_REG_FPCW, &fpu->fcw);
	get(access, UC_X86_REG_FPSW, &fpu->fsw);
	get(access, UC_X86_REG_FPTAG, &tags);
	fpu->ftw = 0;
	for (i = 0; i < 8; i++) {
		if ((tags >> (2 * i) & 3) != 3)
			fpu->ftw |= (uint8_t)(1u << i);
		get(access, st_id(fpu, i), st);
		memcpy(fpu->st[i], st, sizeof(fpu->st[i]));
	}
	for (i = 0; i < 16; i++)
		get(access, UC_X86_REG_XMM0 + (int)i, fpu->xmm[i]);
	get(access, UC_X86_REG_MXCSR, &fpu->mxcsr);
}

int engine_unicorn_get_state(struct engine_vcpu *vcpu,
			     struct vcpu_state *ret_state,
			     struct smudge_error *err)
{
	struct access access = {.uc = vcpu->uc, .first = UC_ERR_OK};
	struct vcpu_state state = vcpu->shadow;
	uint32_t eflags = 0;
	unsigned int i;

	for (i = 0; i < VCPU_NGPR; i++)
		get(&access, gpr_ids[i], &state.gpr[i]);
	get(&access, UC_X86_REG_EFLAGS, &eflags);
	state.rflags = eflags;
	get_system(&access, &state);
	get_fpu(&access, &state.fpu);
	if (access.first != UC_ERR_OK)
		return smudge_error_set(err, -EIO, "unicorn",
					"Unicorn does not give the state of "
					"the vCPU: %s.",
					uc_strerror(access.first));
	*ret_state = state;
	return 0;
}

int engine_unicorn_restore(struct engine_vcpu *vcpu,
			   const struct vcpu_state *state,
			   struct smudge_error *err)
{
	struct access access = {.uc = vcpu->uc, .first = UC_ERR_OK};
	uint32_t eflags = (uint32_t)state->rflags;
	unsigned int i;

	put_system(&access, state);
	for (i = 0; i < VCPU_NGPR; i++)
		put(&access, gpr_ids[i], &state->gpr[i]);
	put(&access, UC_X86_REG_EFLAGS, &eflags);
	put_fpu(&access, &state->fpu);
	if (access.first != UC_ERR_OK)
		return smudge_error_set(err, -EINVAL, "unicorn",
					"Unicorn refuses the state of the "
					"vCPU: %s.",
					uc_strerror(access.first));
	vcpu->shadow = *state;
	return 0;
}

int engine_unicorn_set_state(struct engine_vcpu *vcpu,
			     const struct vcpu_state *state,
			     struct smudge_error *err)
{
	int ret;

	if (!(state->efer & EFER_LMA) ||
	    !(state->seg[VCPU_CS].attr & ATTR_LONG))
		return smudge_error_set(err, -EINVAL, "unicorn",
					"The vCPU is not in 64-bit mode, the "
					"only one this engine runs.");
	/* code translated before may not be the code that is in RAM now */
	if (vcpu->has_run) {
		ret = engine_unicorn_open(vcpu, err);
		if (ret < 0)
			return ret;
		engine_unicorn_reopened(vcpu);
	}
	return engine_unicorn_restore(vcpu, state, err);
}
