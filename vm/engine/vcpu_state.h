/* SPDX-License-Identifier: MIT */
/*
 * The engine-neutral state of one x86-64 vCPU.
 *
 * An engine fills it from a vCPU that is out of the guest with its last I/O
 * completed, and sets it on such a vCPU. A state saved by one engine loads
 * into another. The encoding is little-endian, field by field, of a fixed size
 * for each version; decoding accepts no byte more or less and refuses values
 * that no vCPU of this machine can have.
 *
 * The machine has no interrupt controller, so there is no interrupt, NMI or
 * timer state, and a vCPU is always between two instructions.
 */
#ifndef VM_ENGINE_VCPU_STATE_H
#define VM_ENGINE_VCPU_STATE_H

#include <stddef.h>
#include <stdint.h>

struct smudge_error;
struct vm_buf;

/* In the order of the instruction encoding. */
enum vcpu_gpr {
	VCPU_RAX,
	VCPU_RCX,
	VCPU_RDX,
	VCPU_RBX,
	VCPU_RSP,
	VCPU_RBP,
	VCPU_RSI,
	VCPU_RDI,
	VCPU_R8,
	VCPU_R9,
	VCPU_R10,
	VCPU_R11,
	VCPU_R12,
	VCPU_R13,
	VCPU_R14,
	VCPU_R15,
	VCPU_NGPR
};

enum vcpu_seg {
	VCPU_ES,
	VCPU_CS,
	VCPU_SS,
	VCPU_DS,
	VCPU_FS,
	VCPU_GS,
	VCPU_LDT,
	VCPU_TR,
	VCPU_NSEG
};

/*
 * attr has the layout of bits 40..55 of a segment descriptor without the
 * limit bits: 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G;
 * VCPU_ATTR_UNUSABLE marks a register that holds no segment.
 */
#define VCPU_ATTR_UNUSABLE 0x10000u

struct vcpu_segment {
	uint64_t base;
	uint32_t limit_bytes;
	uint32_t attr;
	uint16_t selector;
};

struct vcpu_table {
	uint64_t base;
	uint16_t limit_bytes;
};

enum vcpu_msr {
	VCPU_MSR_STAR,
	VCPU_MSR_LSTAR,
	VCPU_MSR_CSTAR,
	VCPU_MSR_SFMASK,
	VCPU_MSR_KERNEL_GS_BASE,
	VCPU_MSR_SYSENTER_CS,
	VCPU_MSR_SYSENTER_ESP,
	VCPU_MSR_SYSENTER_EIP,
	VCPU_MSR_PAT,
	VCPU_MSR_TSC,
	VCPU_NMSR
};

/* x87 and SSE; st[] is in stack order, ftw is the abridged FXSAVE tag byte. */
struct vcpu_fpu {
	uint16_t fcw;
	uint16_t fsw;
	uint8_t ftw;
	uint32_t mxcsr;
	uint8_t st[8][10];
	uint8_t xmm[16][16];
};

struct vcpu_state {
	uint64_t gpr[VCPU_NGPR];
	uint64_t rip;
	uint64_t rflags;
	struct vcpu_segment seg[VCPU_NSEG];
	struct vcpu_table gdt;
	struct vcpu_table idt;
	uint64_t cr0;
	uint64_t cr2;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t cr8;
	uint64_t efer;
	uint64_t msr[VCPU_NMSR];
	struct vcpu_fpu fpu;
	uint8_t halted; /* 1 after HLT: nothing can wake it */
};

/* The hardware number of each enum vcpu_msr. */
extern const uint32_t vcpu_msr_index[VCPU_NMSR];

/*
 * vcpu_state_init_long_mode - a vCPU in 64-bit mode at CPL 0, flat segments
 * @state: overwritten
 * @rip, @rsp: entry point and stack pointer
 * @cr3: guest physical address of the PML4 table
 * @gdt: a table that holds 0x08 = 64-bit code and 0x10 = data
 */
void vcpu_state_init_long_mode(struct vcpu_state *state, uint64_t rip,
			       uint64_t rsp, uint64_t cr3,
			       struct vcpu_table gdt);

#define VCPU_STATE_VERSION 1u

/* Append the encoding. Return: 0 or -ENOMEM. */
int vcpu_state_encode(const struct vcpu_state *state, struct vm_buf *buf);

/*
 * vcpu_state_decode - check and decode what another process encoded
 * @ret: written only on success
 * Return: 0, or -EINVAL with one sentence in @err (wrong length, or a value
 * that no vCPU of this machine can have).
 */
int vcpu_state_decode(const uint8_t *bytes, size_t len, struct vcpu_state *ret,
		      struct smudge_error *err);

#endif
