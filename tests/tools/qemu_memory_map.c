/* SPDX-License-Identifier: MIT */
/*
 * Where a guest sees its memory, in what QEMU 7.2 says of three machines.
 */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "qemu/machine.h"
#include "qemu/memory_map.h"

#define GIB (UINT64_C(1) << 30)

static void add(struct qemu_machine *machine, const char *id, uint64_t bytes)
{
	const struct qemu_backend backend = {
		.id = (char *)id, .size_bytes = bytes, .region = "r"};

	assert_int_equal(qemu_machine_add_backend(machine, &backend), 0);
}

static void check(const struct qemu_machine *machine, size_t i, uint64_t gpa,
		  uint64_t nbytes, const char *backend, uint64_t offset)
{
	assert_true(i < machine->nmapped);
	assert_true(machine->mapped[i].gpa == gpa);
	assert_true(machine->mapped[i].nbytes == nbytes);
	assert_string_equal(machine->mapped[i].backend, backend);
	assert_true(machine->mapped[i].offset == offset);
}

/* Names of old machine types, a hole for the screen, and a backend in two. */
static void an_old_machine(void **state)
{
	static const char answer[] =
		"FlatView #0\r\n"
		" AS \"cpu-smm-0\", root: memory\r\n"
		" Root memory region: memory\r\n"
		"  0000000000000000-00000000000bffff (prio 0, ram): "
		"/objects/m0\r\n"
		"\r\n"
		"FlatView #1\r\n"
		" AS \"VGA\", root: bus master container\r\n"
		" AS \"memory\", root: system\r\n"
		" AS \"cpu-memory-0\", root: system\r\n"
		" Root memory region: system\r\n"
		"  0000000000000000-000000000009ffff (prio 0, ram): "
		"/objects/m0 KVM\r\n"
		"  00000000000c0000-00000000000c9fff (prio 0, rom): "
		"/objects/m0 @00000000000c0000 KVM\r\n"
		"  00000000000ca000-00000000bfffffff (prio 0, ram): "
		"/objects/m0 @00000000000ca000 KVM\r\n"
		"  00000000fd000000-00000000fdffffff (prio 1, ram): "
		"vga.vram KVM\r\n"
		"  00000000fee00000-00000000feefffff (prio 4096, i/o): "
		"kvm-apic-msi\r\n"
		"  00000000fffc0000-00000000ffffffff (prio 0, rom): "
		"pc.bios KVM\r\n"
		"  0000000100000000-000000013fffffff (prio 0, ram): "
		"/objects/m0 @00000000c0000000 KVM\r\n"
		"  0000000140000000-000000017fffffff (prio 0, ram): "
		"/objects/m1 KVM\r\n"
		"\r\n"
		"FlatView #2\r\n"
		" AS \"I/O\", root: io\r\n"
		" Root memory region: io\r\n"
		"  0000000180000000-00000001bfffffff (prio 0, ram): m1\r\n";
	struct qemu_machine machine = {0};

	add(&machine, "m0", 4 * GIB);
	add(&machine, "m1", GIB);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(qemu_memory_map_parse(answer, &machine), 0);
		assert_int_equal(machine.nmapped, 4);
		check(&machine, 0, 0, 0xa0000, "m0", 0);
		check(&machine, 1, 0xc0000, 3 * GIB - 0xc0000, "m0", 0xc0000);
		check(&machine, 2, 4 * GIB, GIB, "m0", 3 * GIB);
		check(&machine, 3, 5 * GIB, GIB, "m1", 0);
	}
	qemu_machine_free(&machine);
}

/* Lines that no QEMU writes, and places that no backend has. */
static void other_lines(void **state)
{
	static const char *const lines[] = {
		"  0000000000000000-000000000000ffff (prio 0, i/o): mem",
		"  0000000000000000-000000000000ffff (prio 0, ram): memory",
		"  0000000000000000-000000000000fffe (prio 0, ram): mem",
		"  0000000000000800-00000000000107ff (prio 0, ram): mem",
		"  0000000000001000-0000000000000fff (prio 0, ram): mem",
		"  0000000000000000-000000000001ffff (prio 0, ram): mem",
		("  0000000000000000-000000000000ffff (prio 0, ram): mem "
		 "@0000000000001000"),
		"  0000000000000000-ffffffffffffffff (prio 0, ram): mem",
		"  8000000000000000-800000000000ffff (prio 0, ram): mem",
		"  x-y (prio 0, ram): mem",
		"",
	};
	struct qemu_machine machine = {0};
	char text[256];

	add(&machine, "mem", 0x10000);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		snprintf(text, sizeof(text),
			 "FlatView #0\n AS \"memory\", root: system\n%s\n",
			 lines[i]);
		assert_int_equal(qemu_memory_map_parse(text, &machine), 0);
		assert_int_equal(machine.nmapped, 0);
	}
	assert_int_equal(qemu_memory_map_parse("", &machine), 0);
	assert_int_equal(qemu_memory_map_parse(
				 "unknown command: 'info mtree'\n", &machine),
			 0);
	assert_int_equal(machine.nmapped, 0);
	qemu_machine_free(&machine);
}

#define DEVICE_MEMORY                                                    \
	"FlatView #0\r\n"                                                \
	" AS \"device-memory\", root: device-memory\r\n"                 \
	" Root memory region: plugged\r\n"                               \
	"  0000000000000000-0000000003ffffff (prio 0, ram): plugged\r\n" \
	"\r\n"
#define SYSTEM                                                           \
	"FlatView #1\r\n"                                                \
	" AS \"memory\", root: system\r\n"                               \
	" Root memory region: system\r\n"                                \
	"  0000000000100000-0000000003ffffff (prio 0, ram): mem "        \
	"@0000000000100000 KVM\r\n"                                      \
	"  0000000100000000-0000000103ffffff (prio 0, ram): plugged\r\n" \
	"\r\n"

/* QEMU writes the views in an order that is another one in each process. */
static void the_view_of_the_processors_counts(void **state)
{
	static const char *const answers[] = {
		DEVICE_MEMORY SYSTEM,
		SYSTEM DEVICE_MEMORY,
	};

	for (size_t i = 0; i < 2; i++) {
		uint64_t gpa, offset;

		assert_true(qemu_memory_map_find(answers[i], "plugged", &gpa,
						 &offset));
		assert_true(gpa == UINT64_C(1) << 32 && offset == 0);
		assert_true(
			qemu_memory_map_find(answers[i], "mem", &gpa, &offset));
		assert_true(gpa == 1 << 20 && offset == 1 << 20);
	}
}

static void other_answers_have_no_line(void **state)
{
	uint64_t gpa, offset;

	assert_false(qemu_memory_map_find("", "mem", &gpa, &offset));
	assert_false(qemu_memory_map_find(DEVICE_MEMORY, "mem", &gpa, &offset));
	assert_false(qemu_memory_map_find(SYSTEM, "me", &gpa, &offset));
	assert_false(qemu_memory_map_find(SYSTEM, "memory", &gpa, &offset));
}

TEST_MAIN(an_old_machine, other_lines, the_view_of_the_processors_counts,
	  other_answers_have_no_line)
