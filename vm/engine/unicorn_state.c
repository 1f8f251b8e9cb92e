/* SPDX-License-Identifier: MIT */
/*
 * vCPU state between Unicorn's registers and the engine-neutral one.
 *
 * Everything is read back from Unicorn but the hidden parts of segment
 * registers, which it does not return. A load of the selector sets them, so
 * they are taken from the descriptor, and compared with it before a state is
 * set and when one is read. CR8 is always 0 here, and the time stamp counter
 * is the host's.
 */
#include "engine/unicorn.h"

#include <errno.h>
#include <string.h>
#include <x86intrin.h>

#include <smudge/error.h>

#define MSR_EFER      0xc0000080
#define ATTR_SHIFT    8
#define FSW_TOP_SHIFT 11

static const int gpr_ids[VCPU_NGPR] = {
	UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
	UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
	UC_X86_REG_R8,	UC_X86_REG_R9,	UC_X86_REG_R10, UC_X86_REG_R11,
	UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

/* In the order of enum vcpu_seg. */
static const int selector_ids[] = {UC_X86_REG_ES, UC_X86_REG_CS, UC_X86_REG_SS,
				   UC_X86_REG_DS, UC_X86_REG_FS, UC_X86_REG_GS};

/* The first error of several accesses is kept. */
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

static void put_task(struct access *access, int id,
		     const struct vcpu_segment *segment)
{
	uc_x86_mmr value = {.selector = segment->selector,
			    .base = segment->base,
			    .limit = segment->limit_bytes,
			    .flags = segment->attr << ATTR_SHIFT};

	put(access, id, &value);
}

static void get_task(struct access *access, int id,
		     struct vcpu_segment *segment)
{
	uc_x86_mmr value = {0};

	get(access, id, &value);
	*segment = (struct vcpu_segment){.selector = value.selector,
					 .base = value.base,
					 .limit_bytes = value.limit,
					 .attr = value.flags >> ATTR_SHIFT};
	if (!segment->selector && id == UC_X86_REG_LDTR)
		segment->attr |= VCPU_ATTR_UNUSABLE;
}

/* Loads from the GDT in RAM. Null selectors are what a new Unicorn has. */
static void put_selectors(struct access *access, const struct vcpu_state *state)
{
	for (unsigned int i = VCPU_ES; i <= VCPU_GS; i++)
		if (state->seg[i].selector)
			put(access, selector_ids[i], &state->seg[i].selector);
	put(access, UC_X86_REG_FS_BASE, &state->seg[VCPU_FS].base);
	put(access, UC_X86_REG_GS_BASE, &state->seg[VCPU_GS].base);
}

static void put_system(struct access *access, const struct vcpu_state *state)
{
	uc_x86_mmr gdt = {.base = state->gdt.base,
			  .limit = state->gdt.limit_bytes};
	uc_x86_mmr idt = {.base = state->idt.base,
			  .limit = state->idt.limit_bytes};

	put(access, UC_X86_REG_GDTR, &gdt);
	put(access, UC_X86_REG_IDTR, &idt);
	put_task(access, UC_X86_REG_TR, &state->seg[VCPU_TR]);
	put_task(access, UC_X86_REG_LDTR, &state->seg[VCPU_LDT]);
	/* in the order in which a processor enters 64-bit mode */
	put_msr(access, MSR_EFER, state->efer);
	put(access, UC_X86_REG_CR4, &state->cr4);
	put(access, UC_X86_REG_CR3, &state->cr3);
	put(access, UC_X86_REG_CR0, &state->cr0);
	put_selectors(access, state);
	put(access, UC_X86_REG_CR2, &state->cr2);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		if (i != VCPU_MSR_TSC)
			put_msr(access, vcpu_msr_index[i], state->msr[i]);
}

static void get_selectors(struct access *access, struct vcpu_state *state)
{
	for (unsigned int i = VCPU_ES; i <= VCPU_GS; i++)
		get(access, selector_ids[i], &state->seg[i].selector);
	get(access, UC_X86_REG_FS_BASE, &state->seg[VCPU_FS].base);
	get(access, UC_X86_REG_GS_BASE, &state->seg[VCPU_GS].base);
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
	state->cr8 = 0;
	get_selectors(access, state);
	get_task(access, UC_X86_REG_TR, &state->seg[VCPU_TR]);
	get_task(access, UC_X86_REG_LDTR, &state->seg[VCPU_LDT]);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		if (i != VCPU_MSR_TSC)
			state->msr[i] = get_msr(access, vcpu_msr_index[i]);
	state->msr[VCPU_MSR_TSC] = __rdtsc();
}

/*
 * Unicorn numbers x87 registers by position, the state by distance from the
 * top.
 */
static int st_id(const struct vcpu_fpu *fpu, unsigned int i)
{
	unsigned int top = fpu->fsw >> FSW_TOP_SHIFT & 7;

	return UC_X86_REG_FP0 + (int)((top + i) & 7);
}

static void put_fpu(struct access *access, const struct vcpu_fpu *fpu)
{
	uint16_t tags = 0;

	for (unsigned int i = 0; i < 8; i++)
		if (!(fpu->ftw >> i & 1))
			tags |= (uint16_t)(3u << (2 * i));
	put(access, UC_X86_REG_FPCW, &fpu->fcw);
	put(access, UC_X86_REG_FPSW, &fpu->fsw);
	for (unsigned int i = 0; i < 8; i++)
		put(access, st_id(fpu, i), fpu->st[i]);
	put(access, UC_X86_REG_FPTAG, &tags);
	for (unsigned int i = 0; i < 16; i++)
		put(access, UC_X86_REG_XMM0 + (int)i, fpu->xmm[i]);
	put(access, UC_X86_REG_MXCSR, &fpu->mxcsr);
}

static void get_fpu(struct access *access, struct vcpu_fpu *fpu)
{
	uint8_t st[16];
	uint16_t tags = 0;

	get(access, UC_X86_REG_FPCW, &fpu->fcw);
	get(access, UC_X86_REG_FPSW, &fpu->fsw);
	get(access, UC_X86_REG_FPTAG, &tags);
	fpu->ftw = 0;
	for (unsigned int i = 0; i < 8; i++) {
		if ((tags >> (2 * i) & 3) != 3)
			fpu->ftw |= (uint8_t)(1u << i);
		get(access, st_id(fpu, i), st);
		memcpy(fpu->st[i], st, sizeof(fpu->st[i]));
	}
	for (unsigned int i = 0; i < 16; i++)
		get(access, UC_X86_REG_XMM0 + (int)i, fpu->xmm[i]);
	get(access, UC_X86_REG_MXCSR, &fpu->mxcsr);
}

/*
 * The hidden parts of segments that the guest loaded itself. One whose
 * descriptor has changed since is refused: it may have been loaded again.
 */
static int get_hidden(const struct engine_vcpu *vcpu, struct vcpu_state *state,
		      struct smudge_error *err)
{
	const struct vcpu_state *shadow = &vcpu->shadow;
	struct vcpu_segment derived;
	int ret;

	for (unsigned int i = VCPU_ES; i <= VCPU_GS; i++) {
		struct vcpu_segment *segment = &state->seg[i];

		ret = engine_unicorn_derive(vcpu->engine, &state->gdt,
					    segment->selector, &derived, err);
		if (ret < 0)
			return ret;
		if (segment->selector == shadow->seg[i].selector &&
		    !(derived.attr & VCPU_ATTR_UNUSABLE) &&
		    (derived.attr != segment->attr ||
		     derived.limit_bytes != segment->limit_bytes))
			return smudge_error_set(
				err, -EOPNOTSUPP, "unicorn",
				"the guest changed the descriptor of selector "
				"0x%x, and Unicorn 2.0.1 does not give the "
				"hidden part of a segment register",
				segment->selector);
		if (i == VCPU_FS || i == VCPU_GS)
			derived.base = segment->base;
		*segment = derived;
	}
	return 0;
}

int engine_unicorn_get_state(struct engine_vcpu *vcpu,
			     struct vcpu_state *ret_state,
			     struct smudge_error *err)
{
	struct access access = {.uc = vcpu->uc, .first = UC_ERR_OK};
	struct vcpu_state state = vcpu->shadow;
	uint32_t eflags = 0;

	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		get(&access, gpr_ids[i], &state.gpr[i]);
	get(&access, UC_X86_REG_EFLAGS, &eflags);
	state.rflags = eflags;
	get_system(&access, &state);
	get_fpu(&access, &state.fpu);
	if (access.first != UC_ERR_OK)
		return smudge_error_set(err, -EIO, "unicorn",
					"Unicorn does not give the state of "
					"the vCPU: %s",
					uc_strerror(access.first));
	if (get_hidden(vcpu, &state, err) < 0)
		return -EOPNOTSUPP;
	*ret_state = state;
	return 0;
}

int engine_unicorn_restore(struct engine_vcpu *vcpu,
			   const struct vcpu_state *state,
			   struct smudge_error *err)
{
	struct access access = {.uc = vcpu->uc, .first = UC_ERR_OK};
	uint32_t eflags = (uint32_t)state->rflags;

	/* selectors are loaded from RAM: without its tables that crashes */
	if (state->seg[VCPU_CS].selector &&
	    engine_unicorn_check_tables(vcpu->engine, state->cr3, err) < 0)
		return -EOPNOTSUPP;
	put_system(&access, state);
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		put(&access, gpr_ids[i], &state->gpr[i]);
	put(&access, UC_X86_REG_EFLAGS, &eflags);
	put_fpu(&access, &state->fpu);
	if (access.first != UC_ERR_OK)
		return smudge_error_set(err, -EINVAL, "unicorn",
					"Unicorn refuses the state of the "
					"vCPU: %s",
					uc_strerror(access.first));
	vcpu->shadow = *state;
	return 0;
}

/* A new Unicorn: old translations may not match the RAM. */
int engine_unicorn_set_state(struct engine_vcpu *vcpu,
			     const struct vcpu_state *state,
			     struct smudge_error *err)
{
	struct vcpu_state kept;
	const char *difference;
	int ret;

	ret = engine_unicorn_accept(vcpu->engine, state, err);
	if (ret == 0)
		ret = engine_unicorn_open(vcpu, err);
	if (ret < 0)
		return ret;
	engine_unicorn_reopened(vcpu);
	ret = engine_unicorn_restore(vcpu, state, err);
	if (ret == 0)
		ret = engine_unicorn_get_state(vcpu, &kept, err);
	if (ret < 0)
		return ret;
	difference = engine_unicorn_difference(state, &kept);
	if (difference)
		return smudge_error_set(err, -EOPNOTSUPP, "unicorn",
					"Unicorn 2.0.1 does not keep the "
					"vCPU's %s as it was set: use "
					"--engine kvm",
					difference);
	return 0;
}
