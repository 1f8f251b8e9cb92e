/* SPDX-License-Identifier: MIT */
/*
 * The notes of a processor, field by field. QEMU's has version 1 and its own
 * length (QEMU's dump code for i386).
 */
#include "core/cpu.h"

#include <stddef.h>

#include "common/little_endian.h"

#define WORD_BYTES	8
#define QEMU_VERSION	1
#define QEMU_HEAD_BYTES 8
#define QEMU_NWORDS	18 /* general registers, rip, rflags */
#define SEGMENT_BYTES	24
#define QEMU_CR_OFF                                   \
	(QEMU_HEAD_BYTES + QEMU_NWORDS * WORD_BYTES + \
	 CORE_CPU_NSEG * SEGMENT_BYTES)
#define QEMU_NOTE_BYTES (QEMU_CR_OFF + 6 * WORD_BYTES)

enum gpr {
	RAX,
	RCX,
	RDX,
	RBX,
	RSP,
	RBP,
	RSI,
	RDI,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15
};

/* As ptrace gives those of a process. */
void core_notes_add_cpu(struct core_notes *notes, uint32_t id,
			const struct core_cpu *cpu)
{
	const uint64_t *gpr = cpu->gpr;
	const struct core_segment_register *segments = cpu->segments;
	const uint64_t words[] = {
		gpr[R15],
		gpr[R14],
		gpr[R13],
		gpr[R12],
		gpr[RBP],
		gpr[RBX],
		gpr[R11],
		gpr[R10],
		gpr[R9],
		gpr[R8],
		gpr[RAX],
		gpr[RCX],
		gpr[RDX],
		gpr[RSI],
		gpr[RDI],
		0, /* orig_rax */
		cpu->rip,
		segments[CORE_CPU_CS].selector,
		cpu->rflags,
		gpr[RSP],
		segments[CORE_CPU_SS].selector,
		segments[CORE_CPU_FS].base,
		segments[CORE_CPU_GS].base,
		segments[CORE_CPU_DS].selector,
		segments[CORE_CPU_ES].selector,
		segments[CORE_CPU_FS].selector,
		segments[CORE_CPU_GS].selector,
	};
	const struct core_process process = {.name = ""};
	uint8_t registers[sizeof(words)];
	const struct core_thread thread = {
		.tid = id,
		.general = registers,
		.general_bytes = sizeof(registers),
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		little_endian_put(registers + i * WORD_BYTES, words[i],
				  WORD_BYTES);
	core_notes_add_thread(notes, &process, &thread);
}

static uint8_t *put_segments(uint8_t *to, const struct core_cpu *cpu)
{
	static const enum core_cpu_segment order[CORE_CPU_NSEG] = {
		CORE_CPU_CS,  CORE_CPU_DS,  CORE_CPU_ES,  CORE_CPU_FS,
		CORE_CPU_GS,  CORE_CPU_SS,  CORE_CPU_LDT, CORE_CPU_TR,
		CORE_CPU_GDT, CORE_CPU_IDT,
	};

	for (size_t i = 0; i < CORE_CPU_NSEG; i++, to += SEGMENT_BYTES) {
		const struct core_segment_register *segment =
			&cpu->segments[order[i]];

		little_endian_put(to, segment->selector, 4);
		little_endian_put(to + 4, segment->limit, 4);
		little_endian_put(to + 8, segment->flags, 4);
		little_endian_put(to + 16, segment->base, 8);
	}
	return to;
}

void core_notes_add_qemu(struct core_notes *notes, const struct core_cpu *cpu)
{
	static const enum gpr order[CORE_CPU_NGPR] = {
		RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP,
		R8,  R9,  R10, R11, R12, R13, R14, R15};
	uint8_t note[QEMU_NOTE_BYTES] = {0};
	uint8_t *to = note + QEMU_HEAD_BYTES;

	little_endian_put(note, QEMU_VERSION, 4);
	little_endian_put(note + 4, sizeof(note), 4);
	for (size_t i = 0; i < CORE_CPU_NGPR; i++, to += WORD_BYTES)
		little_endian_put(to, cpu->gpr[order[i]], WORD_BYTES);
	little_endian_put(to, cpu->rip, WORD_BYTES);
	little_endian_put(to + WORD_BYTES, cpu->rflags, WORD_BYTES);
	to = put_segments(to + 2 * WORD_BYTES, cpu);
	for (size_t i = 0; i < sizeof(cpu->cr) / sizeof(*cpu->cr); i++)
		little_endian_put(to + i * WORD_BYTES, cpu->cr[i], WORD_BYTES);
	little_endian_put(to + sizeof(cpu->cr), cpu->kernel_gs_base,
			  WORD_BYTES);
	core_notes_add(notes, "QEMU", 0, note, sizeof(note));
}
