/* SPDX-License-Identifier: MIT */
/*
 * vCPU state between KVM's structures and the engine-neutral one.
 *
 * What KVM knows beyond it (local APIC, interrupts) does not exist in this
 * machine, or its use is refused (engine/kvm_fpu.c). Model-specific registers
 * are moved one by one, since a KVM may lack some. One that is missing reads as
 * 0, and a state with another value for it is refused.
 */
#include "engine/kvm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <smudge/error.h>

/* A struct kvm_msrs with room for one entry. */
union one_msr {
	struct kvm_msrs list;
	uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

static int refuse(struct smudge_error *err, int code, const char *what)
{
	return smudge_error_set(err, code, "kvm",
				"KVM refuses the state of the vCPU: %s: %s",
				what, strerror(-code));
}

static void get_segment(const struct kvm_segment *from, struct vcpu_segment *to)
{
	to->base = from->base;
	to->limit_bytes = from->limit;
	to->selector = from->selector;
	to->attr = (uint32_t)(from->type & 15) | (from->s & 1u) << 4 |
		   (from->dpl & 3u) << 5 | (from->present & 1u) << 7 |
		   (from->avl & 1u) << 12 | (from->l & 1u) << 13 |
		   (from->db & 1u) << 14 | (from->g & 1u) << 15;
	if (from->unusable)
		to->attr |= VCPU_ATTR_UNUSABLE;
}

static void set_segment(const struct vcpu_segment *from, struct kvm_segment *to)
{
	*to = (struct kvm_segment){
		.base = from->base,
		.limit = from->limit_bytes,
		.selector = from->selector,
		.type = from->attr & 15,
		.s = from->attr >> 4 & 1,
		.dpl = from->attr >> 5 & 3,
		.present = from->attr >> 7 & 1,
		.avl = from->attr >> 12 & 1,
		.l = from->attr >> 13 & 1,
		.db = from->attr >> 14 & 1,
		.g = from->attr >> 15 & 1,
		.unusable = !!(from->attr & VCPU_ATTR_UNUSABLE),
	};
}

/* The segments of a kvm_sregs in the order of enum vcpu_seg. */
static void segment_fields(struct kvm_sregs *sregs,
			   struct kvm_segment *ret[VCPU_NSEG])
{
	ret[VCPU_ES] = &sregs->es;
	ret[VCPU_CS] = &sregs->cs;
	ret[VCPU_SS] = &sregs->ss;
	ret[VCPU_DS] = &sregs->ds;
	ret[VCPU_FS] = &sregs->fs;
	ret[VCPU_GS] = &sregs->gs;
	ret[VCPU_LDT] = &sregs->ldt;
	ret[VCPU_TR] = &sregs->tr;
}

static void gpr_fields(struct kvm_regs *regs, __u64 *ret[VCPU_NGPR])
{
	__u64 *fields[VCPU_NGPR] = {
		&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx,
		&regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi,
		&regs->r8,  &regs->r9,	&regs->r10, &regs->r11,
		&regs->r12, &regs->r13, &regs->r14, &regs->r15};

	memcpy(ret, fields, sizeof(fields));
}

static void get_control(struct kvm_sregs *sregs, struct vcpu_state *to)
{
	struct kvm_segment *fields[VCPU_NSEG];

	segment_fields(sregs, fields);
	for (unsigned int i = 0; i < VCPU_NSEG; i++)
		get_segment(fields[i], &to->seg[i]);
	to->gdt.base = sregs->gdt.base;
	to->gdt.limit_bytes = sregs->gdt.limit;
	to->idt.base = sregs->idt.base;
	to->idt.limit_bytes = sregs->idt.limit;
	to->cr0 = sregs->cr0;
	to->cr2 = sregs->cr2;
	to->cr3 = sregs->cr3;
	to->cr4 = sregs->cr4;
	to->cr8 = sregs->cr8;
	to->efer = sregs->efer;
}

static void set_control(const struct vcpu_state *from, struct kvm_sregs *sregs)
{
	struct kvm_segment *fields[VCPU_NSEG];

	segment_fields(sregs, fields);
	for (unsigned int i = 0; i < VCPU_NSEG; i++)
		set_segment(&from->seg[i], fields[i]);
	sregs->gdt.base = from->gdt.base;
	sregs->gdt.limit = from->gdt.limit_bytes;
	sregs->idt.base = from->idt.base;
	sregs->idt.limit = from->idt.limit_bytes;
	sregs->cr0 = from->cr0;
	sregs->cr2 = from->cr2;
	sregs->cr3 = from->cr3;
	sregs->cr4 = from->cr4;
	sregs->cr8 = from->cr8;
	sregs->efer = from->efer;
}

static uint64_t get_msr(const struct engine_vcpu *vcpu, uint32_t index)
{
	union one_msr msr = {.room = {0}};

	msr.list.nmsrs = 1;
	msr.list.entries[0].index = index;
	if (ioctl(vcpu->fd, KVM_GET_MSRS, &msr) != 1)
		return 0;
	return msr.list.entries[0].data;
}

/* Read again: on AMD processors KVM keeps half of some, and reports success. */
static int set_msr(const struct engine_vcpu *vcpu, uint32_t index,
		   uint64_t value)
{
	union one_msr msr = {.room = {0}};
	int ret;

	msr.list.nmsrs = 1;
	msr.list.entries[0].index = index;
	msr.list.entries[0].data = value;
	ret = ioctl(vcpu->fd, KVM_SET_MSRS, &msr) < 0 ? -errno : -EINVAL;
	return get_msr(vcpu, index) == value ? 0 : ret;
}

static int set_msrs(const struct engine_vcpu *vcpu,
		    const struct vcpu_state *state, struct smudge_error *err)
{
	for (unsigned int i = 0; i < VCPU_NMSR; i++) {
		int ret = set_msr(vcpu, vcpu_msr_index[i], state->msr[i]);
		char what[48];

		if (ret == 0 || i == VCPU_MSR_TSC)
			continue;
		snprintf(what, sizeof(what), "model-specific register %#x",
			 vcpu_msr_index[i]);
		return refuse(err, ret, what);
	}
	return 0;
}

int engine_kvm_get_state(struct engine_vcpu *vcpu, struct vcpu_state *ret_state,
			 struct smudge_error *err)
{
	struct vcpu_state state = {0};
	__u64 *gprs[VCPU_NGPR];
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	int ret;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0)
		return refuse(err, -errno, "reading registers");
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return refuse(err, -errno, "reading system registers");
	ret = engine_kvm_check_uncarried(vcpu, err);
	if (ret == 0)
		ret = engine_kvm_get_fpu(vcpu, &state.fpu, err);
	if (ret < 0)
		return ret;
	gpr_fields(&regs, gprs);
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		state.gpr[i] = *gprs[i];
	state.rip = regs.rip;
	state.rflags = regs.rflags;
	get_control(&sregs, &state);
	for (unsigned int i = 0; i < VCPU_NMSR; i++)
		state.msr[i] = get_msr(vcpu, vcpu_msr_index[i]);
	state.halted = vcpu->is_halted;
	*ret_state = state;
	return 0;
}

int engine_kvm_set_state(struct engine_vcpu *vcpu,
			 const struct vcpu_state *state,
			 struct smudge_error *err)
{
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_regs regs = {.rip = state->rip, .rflags = state->rflags};
	struct kvm_sregs sregs;
	__u64 *gprs[VCPU_NGPR];
	int ret;

	/* the parts of sregs that the state does not have keep their values */
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return refuse(err, -errno, "reading system registers");
	set_control(state, &sregs);
	gpr_fields(&regs, gprs);
	for (unsigned int i = 0; i < VCPU_NGPR; i++)
		*gprs[i] = state->gpr[i];
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0)
		return refuse(err, -errno, "system registers");
	ret = set_msrs(vcpu, state, err);
	if (ret < 0)
		return ret;
	ret = engine_kvm_set_fpu(vcpu, &state->fpu, err);
	if (ret < 0)
		return ret;
	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return refuse(err, -errno, "registers");
	/* absent without an in-kernel interrupt controller on old kernels */
	if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable) < 0 && errno != EINVAL)
		return refuse(err, -errno, "its run state");
	vcpu->is_halted = state->halted;
	return 0;
}
