/* SPDX-License-Identifier: MIT */
/*
 * The section "cpu" of version 12, which qemu-system-x86_64 has written since
 * 2009: its first fields never changed (QEMU's machine.c for i386). A later
 * field was only ever added behind them, or in a subsection.
 */
#include "qemu/cpus.h"

#include <stdbool.h>
#include <string.h>

#include "core/cpu.h"
#include "qemu/cursor.h"

/* Behind the section's number: a name with its length. */
#define HEAD_BYTES     5
#define SECTION_FULL   0x04
#define NAME	       "\003cpu"
#define VERSION	       12
#define HFLAGS_BYTES   4
#define FPU_BYTES      (4 * 2 + 8 * 10)
#define SYSENTER_BYTES (4 + 2 * 8)
/* The debug registers, the A20 mask, mxcsr and 16 xmm registers, and efer,
 * star, lstar, cstar and fmask. */
#define BETWEEN_BYTES (8 * 8 + 4 + 4 + 16 * 16 + 5 * 8)

static void read_segment(struct qemu_cursor *cursor,
			 struct core_segment_register *segment)
{
	segment->selector = (uint32_t)qemu_cursor_number(cursor, 4);
	segment->base = qemu_cursor_number(cursor, 8);
	segment->limit = (uint32_t)qemu_cursor_number(cursor, 4);
	segment->flags = (uint32_t)qemu_cursor_number(cursor, 4);
}

static bool read_cpu(struct qemu_cursor *cursor, struct core_cpu *cpu)
{
	*cpu = (struct core_cpu){0};
	for (size_t i = 0; i < CORE_CPU_NGPR; i++)
		cpu->gpr[i] = qemu_cursor_number(cursor, 8);
	cpu->rip = qemu_cursor_number(cursor, 8);
	cpu->rflags = qemu_cursor_number(cursor, 8);
	qemu_cursor_skip(cursor, HFLAGS_BYTES);
	qemu_cursor_skip(cursor, FPU_BYTES);
	for (size_t i = 0; i < CORE_CPU_NSEG; i++)
		read_segment(cursor, &cpu->segments[i]);
	qemu_cursor_skip(cursor, SYSENTER_BYTES);
	cpu->cr[0] = qemu_cursor_number(cursor, 8);
	cpu->cr[2] = qemu_cursor_number(cursor, 8);
	cpu->cr[3] = qemu_cursor_number(cursor, 8);
	cpu->cr[4] = qemu_cursor_number(cursor, 8);
	qemu_cursor_skip(cursor, BETWEEN_BYTES);
	cpu->kernel_gs_base = qemu_cursor_number(cursor, 8);
	return !cursor->is_short;
}

/* Behind the name: the number of the processor must be the next one. */
static bool read_head(struct qemu_cursor *cursor, size_t number)
{
	uint64_t instance = qemu_cursor_number(cursor, 4);
	uint64_t version = qemu_cursor_number(cursor, 4);

	return !cursor->is_short && instance == number && version == VERSION;
}

size_t qemu_cpus_find(const void *state, size_t length, struct core_cpu *cpus,
		      size_t max_cpus)
{
	const uint8_t *bytes = state, *at = state;
	size_t n = 0;

	while (n < max_cpus && (at = memmem(at, length - (size_t)(at - bytes),
					    NAME, strlen(NAME)))) {
		struct qemu_cursor cursor = {
			.bytes = bytes,
			.at = (size_t)(at - bytes) + strlen(NAME),
			.length = length,
		};

		if (at - bytes >= HEAD_BYTES &&
		    at[-HEAD_BYTES] == SECTION_FULL && read_head(&cursor, n) &&
		    read_cpu(&cursor, &cpus[n])) {
			n++;
			at = bytes + cursor.at;
		} else {
			at++;
		}
	}
	return n;
}
