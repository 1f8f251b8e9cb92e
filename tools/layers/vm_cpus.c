/* SPDX-License-Identifier: MIT */
/*
 * The blob smudge-vm: version and flags, the number of sections, and sections
 * with a name, a version and a length. Those named "cpu" begin with what is
 * read here; all is little-endian.
 */
#include "layers/guest_parts.h"

#include <string.h>

#include "common/little_endian.h"

#define VERSION	       1
#define CPU_NAME       "cpu"
#define MAX_NAME_BYTES 32
#define NSEGMENTS      8 /* without the tables */

struct reader {
	const uint8_t *bytes;
	size_t at;
	size_t length;
	bool is_short; /* all is 0 from then on */
};

static uint64_t number(struct reader *reader, unsigned int nbytes)
{
	if (reader->is_short || nbytes > reader->length - reader->at) {
		reader->is_short = true;
		return 0;
	}
	reader->at += nbytes;
	return little_endian_get(reader->bytes + reader->at - nbytes, nbytes);
}

static void read_segment(struct reader *reader,
			 struct core_segment_register *segment)
{
	segment->selector = (uint32_t)number(reader, 2);
	/* as bits 40 to 55 of a descriptor, without the limit's */
	segment->flags = ((uint32_t)number(reader, 4) & 0xf0ff) << 8;
	segment->limit = (uint32_t)number(reader, 4);
	segment->base = number(reader, 8);
}

static void read_table(struct reader *reader,
		       struct core_segment_register *table)
{
	table->base = number(reader, 8);
	table->limit = (uint32_t)number(reader, 2);
}

static bool read_cpu(struct reader *reader, struct core_cpu *cpu)
{
	*cpu = (struct core_cpu){0};
	for (size_t i = 0; i < CORE_CPU_NGPR; i++)
		cpu->gpr[i] = number(reader, 8);
	cpu->rip = number(reader, 8);
	cpu->rflags = number(reader, 8);
	for (size_t i = 0; i < NSEGMENTS; i++)
		read_segment(reader, &cpu->segments[i]);
	read_table(reader, &cpu->segments[CORE_CPU_GDT]);
	read_table(reader, &cpu->segments[CORE_CPU_IDT]);
	cpu->cr[0] = number(reader, 8);
	cpu->cr[2] = number(reader, 8);
	cpu->cr[3] = number(reader, 8);
	cpu->cr[4] = number(reader, 8);
	/* cr8, efer, star, lstar, cstar, sfmask */
	for (size_t i = 0; i < 6; i++)
		(void)number(reader, 8);
	cpu->kernel_gs_base = number(reader, 8);
	return !reader->is_short;
}

/* Of the next section. Return: false: there is none, or it is malformed. */
static bool next_section(struct reader *reader, bool *ret_is_cpu,
			 struct reader *ret_content)
{
	uint64_t name_bytes = number(reader, 4);
	const uint8_t *name = reader->bytes + reader->at;
	uint64_t version, length;

	if (name_bytes > MAX_NAME_BYTES ||
	    name_bytes > reader->length - reader->at)
		return false;
	reader->at += name_bytes;
	version = number(reader, 4);
	length = number(reader, 4);
	if (reader->is_short || length > reader->length - reader->at)
		return false;
	*ret_is_cpu = version == VERSION && name_bytes == strlen(CPU_NAME) &&
		      memcmp(name, CPU_NAME, name_bytes) == 0;
	*ret_content = (struct reader){.bytes = reader->bytes + reader->at,
				       .length = length};
	reader->at += length;
	return true;
}

size_t layers_vm_cpus(const uint8_t *state, size_t length,
		      struct core_cpu *cpus, size_t max_cpus)
{
	struct reader reader = {.bytes = state, .length = length};
	struct reader content;
	uint64_t version = number(&reader, 4);
	uint64_t nsections;
	size_t n = 0;
	bool is_cpu;

	(void)number(&reader, 4); /* flags */
	nsections = number(&reader, 4);
	if (version != VERSION)
		return 0;
	while (nsections-- && n < max_cpus &&
	       next_section(&reader, &is_cpu, &content))
		if (is_cpu && read_cpu(&content, &cpus[n]))
			n++;
	return n;
}
