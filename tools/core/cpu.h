/* SPDX-License-Identifier: MIT */
/*
 * The registers of an x86-64 guest's processor, and the notes that a core of a
 * guest has for each, as QEMU's dump-guest-memory writes them: NT_PRSTATUS, and
 * a note of the owner QEMU with what no process has (cr3, the descriptor
 * tables), from which crash finds where a kernel is.
 */
#ifndef TOOLS_CORE_CPU_H
#define TOOLS_CORE_CPU_H

#include <stdint.h>

#include "core/notes.h"

/* In the order of the instruction encoding: rax, rcx, rdx, rbx, rsp, ... */
#define CORE_CPU_NGPR 16

enum core_cpu_segment {
	CORE_CPU_ES,
	CORE_CPU_CS,
	CORE_CPU_SS,
	CORE_CPU_DS,
	CORE_CPU_FS,
	CORE_CPU_GS,
	CORE_CPU_LDT,
	CORE_CPU_TR,
	CORE_CPU_GDT,
	CORE_CPU_IDT,
	CORE_CPU_NSEG
};

struct core_segment_register {
	uint64_t base;
	uint32_t selector;
	uint32_t limit;
	uint32_t flags; /* a descriptor's second word, without base and limit */
};

struct core_cpu {
	uint64_t gpr[CORE_CPU_NGPR];
	uint64_t rip;
	uint64_t rflags;
	struct core_segment_register segments[CORE_CPU_NSEG];
	uint64_t cr[5];
	uint64_t kernel_gs_base;
};

/* NT_PRSTATUS. @id: from 1 on, as a thread's */
void core_notes_add_cpu(struct core_notes *notes, uint32_t id,
			const struct core_cpu *cpu);

/* The note of QEMU's; those of all processors follow the others. */
void core_notes_add_qemu(struct core_notes *notes, const struct core_cpu *cpu);

#endif
