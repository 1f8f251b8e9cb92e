/* SPDX-License-Identifier: MIT */
/*
 * The vCPU state's encoding, and the checks on what a peer encoded.
 *
 * The checks refuse what no processor can hold; a state that makes no sense to
 * its guest passes. The order of the fields is the format of version 1.
 */
#include "engine/vcpu_state.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"

#define CR0_PE	     UINT64_C(0x1)
#define CR0_ET	     UINT64_C(0x10)
#define CR0_NE	     UINT64_C(0x20)
#define CR0_WP	     UINT64_C(0x10000)
#define CR0_PG	     UINT64_C(0x80000000)
#define CR0_KNOWN    UINT64_C(0xe005003f)
#define CR4_PAE	     UINT64_C(0x20)
#define CR4_KNOWN    UINT64_C(0x1ffffff)
#define EFER_LME     UINT64_C(0x100)
#define EFER_LMA     UINT64_C(0x400)
#define EFER_KNOWN   UINT64_C(0x7d01) /* SCE LME LMA NXE SVME LMSLE FFXSR */
#define RFLAGS_ONE   UINT64_C(0x2)
#define RFLAGS_KNOWN UINT64_C(0x3f7fd7)
#define CR3_KNOWN    ((UINT64_C(1) << 52) - 1)
#define MXCSR_KNOWN  0xffffu
#define MXCSR_RESET  0x1f80u
#define FCW_RESET    0x37fu
#define PAT_RESET    UINT64_C(0x0007040600070406)
#define ATTR_KNOWN   (0xf0ffu | VCPU_ATTR_UNUSABLE)

const uint32_t vcpu_msr_index[VCPU_NMSR] = {
	[VCPU_MSR_STAR] = 0xc0000081,
	[VCPU_MSR_LSTAR] = 0xc0000082,
	[VCPU_MSR_CSTAR] = 0xc0000083,
	[VCPU_MSR_SFMASK] = 0xc0000084,
	[VCPU_MSR_KERNEL_GS_BASE] = 0xc0000102,
	[VCPU_MSR_SYSENTER_CS] = 0x174,
	[VCPU_MSR_SYSENTER_ESP] = 0x175,
	[VCPU_MSR_SYSENTER_EIP] = 0x176,
	[VCPU_MSR_PAT] = 0x277,
	[VCPU_MSR_TSC] = 0x10,
};

void vcpu_state_init_long_mode(struct vcpu_state *state, uint64_t rip,
			       uint64_t rsp, uint64_t cr3,
			       struct vcpu_table gdt)
{
	const struct vcpu_segment data = {
		.selector = 0x10, .limit_bytes = UINT32_MAX, .attr = 0xc093};

	*state = (struct vcpu_state){.rip = rip, .rflags = RFLAGS_ONE};
	state->gpr[VCPU_RSP] = rsp;
	for (unsigned int i = 0; i < VCPU_NSEG; i++)
		state->seg[i] = data;
	state->seg[VCPU_CS] = (struct vcpu_segment){
		.selector = 0x08, .limit_bytes = UINT32_MAX, .attr = 0xa09b};
	state->seg[VCPU_LDT] = (struct vcpu_segment){
		.limit_bytes = 0xffff, .attr = VCPU_ATTR_UNUSABLE | 0x82};
	/* processors insist on a busy task segment in 64-bit mode */
	state->seg[VCPU_TR] =
		(struct vcpu_segment){.limit_bytes = 0xffff, .attr = 0x8b};
	state->gdt = gdt;
	state->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	state->cr3 = cr3;
	state->cr4 = CR4_PAE;
	state->efer = EFER_LME | EFER_LMA;
	state->msr[VCPU_MSR_PAT] = PAT_RESET;
	state->fpu.fcw = FCW_RESET;
	state->fpu.mxcsr = MXCSR_RESET;
}

static void encode_fpu(const struct vcpu_fpu *fpu, struct vm_buf *buf)
{
	vm_buf_put16(buf, fpu->fcw);
	vm_buf_put16(buf, fpu->fsw);
	vm_buf_put8(buf, fpu->ftw);
	vm_buf_put32(buf, fpu->mxcsr);
	vm_buf_put(buf, fpu->st, sizeof(fpu->st));
	vm_buf_put(buf, fpu->xmm, sizeof(fpu->xmm));
}

int vcpu_state_encode(const struct vcpu_state *state, struct vm_buf *buf)
{
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		vm_buf_put64(buf, state->gpr[i]);
	vm_buf_put64(buf, state->rip);
	vm_buf_put64(buf, state->rflags);
	for (unsigned int i = 0; i < VCPU_NSEG; i++) {
		vm_buf_put16(buf, state->seg[i].selector);
		vm_buf_put32(buf, state->seg[i].attr);
		vm_buf_put32(buf, state->seg[i].limit_bytes);
		vm_buf_put64(buf, state->seg[i].base);
	}
	vm_buf_put64(buf, state->gdt.base);
	vm_buf_put16(buf, state->gdt.limit_bytes);
	vm_buf_put64(buf, state->idt.base);
	vm_buf_put16(buf, state->idt.limit_bytes);
	vm_buf_put64(buf, state->cr0);
	vm_buf_put64(buf, state->cr2);
	vm_buf_put64(buf, state->cr3);
	vm_buf_put64(buf, state->cr4);
	vm_buf_put64(buf, state->cr8);
	vm_buf_put64(buf, state->efer);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		vm_buf_put64(buf, state->msr[i]);
	encode_fpu(&state->fpu, buf);
	vm_buf_put8(buf, state->halted);
	return buf->failed ? -ENOMEM : 0;
}

static void decode_fpu(struct vm_reader *reader, struct vcpu_fpu *fpu)
{
	const uint8_t *bytes;

	fpu->fcw = vm_read16(reader);
	fpu->fsw = vm_read16(reader);
	fpu->ftw = vm_read8(reader);
	fpu->mxcsr = vm_read32(reader);
	bytes = vm_read(reader, sizeof(fpu->st));
	if (bytes)
		memcpy(fpu->st, bytes, sizeof(fpu->st));
	bytes = vm_read(reader, sizeof(fpu->xmm));
	if (bytes)
		memcpy(fpu->xmm, bytes, sizeof(fpu->xmm));
}

static void decode_fields(struct vm_reader *reader, struct vcpu_state *state)
{
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		state->gpr[i] = vm_read64(reader);
	state->rip = vm_read64(reader);
	state->rflags = vm_read64(reader);
	for (unsigned int i = 0; i < VCPU_NSEG; i++) {
		state->seg[i].selector = vm_read16(reader);
		state->seg[i].attr = vm_read32(reader);
		state->seg[i].limit_bytes = vm_read32(reader);
		state->seg[i].base = vm_read64(reader);
	}
	state->gdt.base = vm_read64(reader);
	state->gdt.limit_bytes = vm_read16(reader);
	state->idt.base = vm_read64(reader);
	state->idt.limit_bytes = vm_read16(reader);
	state->cr0 = vm_read64(reader);
	state->cr2 = vm_read64(reader);
	state->cr3 = vm_read64(reader);
	state->cr4 = vm_read64(reader);
	state->cr8 = vm_read64(reader);
	state->efer = vm_read64(reader);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		state->msr[i] = vm_read64(reader);
	decode_fpu(reader, &state->fpu);
	state->halted = vm_read8(reader);
}

static bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool is_pat(uint64_t pat)
{
	for (unsigned int i = 0; i < 64; i += 8) {
		unsigned int type = (pat >> i) & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Paging in 64-bit mode needs all three of PE, PAE and LME. */
static bool is_mode_possible(const struct vcpu_state *state)
{
	bool paging = state->cr0 & CR0_PG;
	bool enabled = state->efer & EFER_LME;
	bool active = state->efer & EFER_LMA;

	if (paging && !(state->cr0 & CR0_PE))
		return false;
	if (active != (paging && enabled))
		return false;
	return !active || (state->cr4 & CR4_PAE);
}

static const char *bad_control(const struct vcpu_state *state)
{
	if (!is_canonical(state->rip))
		return "rip";
	if ((state->rflags & ~RFLAGS_KNOWN) || !(state->rflags & RFLAGS_ONE))
		return "rflags";
	if (state->cr0 & ~CR0_KNOWN)
		return "cr0";
	if (state->cr3 & ~CR3_KNOWN)
		return "cr3";
	if (state->cr4 & ~CR4_KNOWN)
		return "cr4";
	if (state->cr8 > 15)
		return "cr8";
	if (state->efer & ~EFER_KNOWN)
		return "efer";
	if (!is_mode_possible(state))
		return "the operating mode";
	return NULL;
}

static const char *bad_rest(const struct vcpu_state *state)
{
	static const enum vcpu_msr addresses[] = {
		VCPU_MSR_LSTAR, VCPU_MSR_CSTAR, VCPU_MSR_KERNEL_GS_BASE,
		VCPU_MSR_SYSENTER_ESP, VCPU_MSR_SYSENTER_EIP};

	for (size_t i = 0; i < VCPU_NSEG; i++)
		if ((state->seg[i].attr & ~ATTR_KNOWN) ||
		    !is_canonical(state->seg[i].base))
			return "a segment register";
	if (!is_canonical(state->gdt.base) || !is_canonical(state->idt.base))
		return "a descriptor table register";
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (!is_canonical(state->msr[addresses[i]]))
			return "a model-specific register";
	if (!is_pat(state->msr[VCPU_MSR_PAT]))
		return "the page attribute table";
	if (state->fpu.mxcsr & ~MXCSR_KNOWN)
		return "mxcsr";
	if (state->halted > 1)
		return "the halted flag";
	return NULL;
}

int vcpu_state_decode(const uint8_t *bytes, size_t len, struct vcpu_state *ret,
		      struct smudge_error *err)
{
	struct vm_reader reader = {.bytes = bytes, .len = len};
	struct vcpu_state state = {0};
	const char *bad;

	decode_fields(&reader, &state);
	if (reader.failed || reader.pos != len)
		return smudge_error_set(err, -EINVAL, "state",
					"the vCPU state has %zu bytes, which "
					"is not the size of version %u",
					len, VCPU_STATE_VERSION);
	bad = bad_control(&state);
	if (!bad)
		bad = bad_rest(&state);
	if (bad)
		return smudge_error_set(err, -EINVAL, "state",
					"the vCPU state gives %s a value that "
					"no processor can hold",
					bad);
	*ret = state;
	return 0;
}
