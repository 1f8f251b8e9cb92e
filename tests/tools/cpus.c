/* SPDX-License-Identifier: MIT */
/*
 * Processors out of the state of a QEMU and of a smudge-vm, whole and cut at
 * every byte; and the notes that a core has of them.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "common/little_endian.h"
#include "core/cpu.h"
#include "layers/guest_parts.h"
#include "qemu/cpus.h"

#define MAX_BYTES 4096
#define NCPUS	  3

struct bytes {
	uint8_t bytes[MAX_BYTES];
	size_t length;
	uint64_t next; /* each number is another one */
	bool is_big;
};

static void put(struct bytes *to, uint64_t value, unsigned int nbytes)
{
	assert_true(to->length + nbytes <= MAX_BYTES);
	if (!to->is_big)
		little_endian_put(to->bytes + to->length, value, nbytes);
	for (unsigned int i = 0; to->is_big && i < nbytes; i++)
		to->bytes[to->length + i] =
			(uint8_t)(value >> (8 * (nbytes - 1 - i)));
	to->length += nbytes;
}

/* Each number is another one. */
static uint64_t put_next(struct bytes *to, unsigned int nbytes)
{
	uint64_t value = ++to->next * UINT64_C(0x0102030405060708);

	value &= UINT64_MAX >> (64 - 8 * nbytes);
	put(to, value, nbytes);
	return value;
}

static void put_general(struct bytes *to, struct core_cpu *cpu)
{
	for (size_t i = 0; i < CORE_CPU_NGPR; i++)
		cpu->gpr[i] = put_next(to, 8);
	cpu->rip = put_next(to, 8);
	cpu->rflags = put_next(to, 8);
}

static void put_control(struct bytes *to, struct core_cpu *cpu)
{
	cpu->cr[0] = put_next(to, 8);
	for (size_t i = 2; i < 5; i++)
		cpu->cr[i] = put_next(to, 8);
}

static void put_rest(struct bytes *to, size_t nbytes)
{
	while (nbytes--)
		put_next(to, 1);
}

static void put_qemu(struct bytes *to, uint32_t number, struct core_cpu *cpu)
{
	put(to, 4, 1);
	put(to, 40 + number, 4);
	put(to, 3, 1);
	memcpy(to->bytes + to->length, "cpu", 3);
	to->length += 3;
	put(to, number, 4);
	put(to, 12, 4);
	put_general(to, cpu);
	put_rest(to, 4 + 88);
	for (size_t i = 0; i < CORE_CPU_NSEG; i++) {
		struct core_segment_register *segment = &cpu->segments[i];

		segment->selector = (uint32_t)put_next(to, 4);
		segment->base = put_next(to, 8);
		segment->limit = (uint32_t)put_next(to, 4);
		segment->flags = (uint32_t)put_next(to, 4);
	}
	put_rest(to, 20);
	put_control(to, cpu);
	put_rest(to, 64 + 8 + 256 + 40);
	cpu->kernel_gs_base = put_next(to, 8);
}

static void put_vm(struct bytes *to, struct core_cpu *cpu)
{
	size_t length_at;

	put(to, 3, 4);
	memcpy(to->bytes + to->length, "cpu", 3);
	to->length += 3;
	put(to, 1, 4);
	length_at = to->length;
	put(to, 0, 4);
	put_general(to, cpu);
	for (size_t i = 0; i < CORE_CPU_GDT; i++) {
		cpu->segments[i].selector = (uint32_t)put_next(to, 2);
		cpu->segments[i].flags = ((uint32_t)put_next(to, 4) & 0xf0ff)
					 << 8;
		cpu->segments[i].limit = (uint32_t)put_next(to, 4);
		cpu->segments[i].base = put_next(to, 8);
	}
	for (size_t i = CORE_CPU_GDT; i <= CORE_CPU_IDT; i++) {
		cpu->segments[i].base = put_next(to, 8);
		cpu->segments[i].limit = (uint32_t)put_next(to, 2);
	}
	put_control(to, cpu);
	put_rest(to, 6 * 8);
	cpu->kernel_gs_base = put_next(to, 8);
	put_rest(to, 100);
	little_endian_put(to->bytes + length_at, to->length - length_at - 4, 4);
}

static void assert_same(const struct core_cpu *a, const struct core_cpu *b,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_memory_equal(a[i].gpr, b[i].gpr, sizeof(a->gpr));
		assert_true(a[i].rip == b[i].rip && a[i].rflags == b[i].rflags);
		for (size_t j = 0; j < CORE_CPU_NSEG; j++) {
			const struct core_segment_register *x =
				&a[i].segments[j];
			const struct core_segment_register *y =
				&b[i].segments[j];

			assert_true(x->base == y->base);
			assert_int_equal(x->selector, y->selector);
			assert_int_equal(x->limit, y->limit);
			assert_int_equal(x->flags, y->flags);
		}
		assert_memory_equal(a[i].cr, b[i].cr, sizeof(a->cr));
		assert_true(a[i].kernel_gs_base == b[i].kernel_gs_base);
	}
}

/* Cut anywhere, there are those that are whole. Bytes behind are not read. */
static void check_cuts(const struct bytes *state, const size_t ends[NCPUS],
		       const struct core_cpu *expected,
		       size_t (*find)(const uint8_t *state, size_t length,
				      struct core_cpu *cpus, size_t max_cpus))
{
	for (size_t length = 0; length <= state->length; length++) {
		struct core_cpu found[NCPUS] = {0};
		uint8_t *copy = malloc(length + 1);
		size_t n = 0;

		assert_non_null(copy);
		memcpy(copy, state->bytes, length);
		while (n < NCPUS && ends[n] <= length)
			n++;
		assert_int_equal(find(copy, length, found, NCPUS), n);
		assert_same(found, expected, n);
		free(copy);
	}
	assert_int_equal(
		find(state->bytes, state->length, &(struct core_cpu){0}, 1), 1);
}

static size_t find_qemu(const uint8_t *state, size_t length,
			struct core_cpu *cpus, size_t max_cpus)
{
	return qemu_cpus_find(state, length, cpus, max_cpus);
}

static void of_qemu(void **state)
{
	struct bytes bytes = {.is_big = true};
	struct core_cpu cpus[NCPUS] = {0};
	size_t ends[NCPUS];

	/* what looks like the beginning of a section, and is none */
	memcpy(bytes.bytes, "\4....\3cpu....\0\0\0\14\3cpu", 22);
	bytes.length = 22;
	for (uint32_t i = 0; i < NCPUS; i++) {
		put_rest(&bytes, 7);
		put_qemu(&bytes, i, &cpus[i]);
		ends[i] = bytes.length;
	}
	check_cuts(&bytes, ends, cpus, find_qemu);
}

static void of_smudge_vm(void **state)
{
	struct bytes bytes = {0};
	struct core_cpu cpus[NCPUS] = {0};
	size_t ends[NCPUS];

	put(&bytes, 1, 4);
	put(&bytes, 1, 4);
	put(&bytes, NCPUS, 4);
	for (size_t i = 0; i < NCPUS; i++) {
		put_vm(&bytes, &cpus[i]);
		ends[i] = bytes.length;
	}
	check_cuts(&bytes, ends, cpus, layers_vm_cpus);
	bytes.bytes[0] = 2;
	assert_int_equal(layers_vm_cpus(bytes.bytes, bytes.length, cpus, NCPUS),
			 0);
}

/* Lengths and numbers that are not right are not followed. */
static void malformed(void **state)
{
	struct test_rng rng = test_rng_start("cpus");
	struct core_cpu cpus[NCPUS];

	for (unsigned int i = 0; i < 20000; i++) {
		uint8_t bytes[64];
		size_t length = test_rng_below(&rng, sizeof(bytes));

		for (size_t j = 0; j < length; j++)
			bytes[j] =
				(uint8_t)(test_rng_below(&rng, 3)
						  ? test_rng_below(&rng, 5)
						  : test_rng_below(&rng, 256));
		assert_int_equal(layers_vm_cpus(bytes, length, cpus, NCPUS), 0);
		assert_int_equal(qemu_cpus_find(bytes, length, cpus, NCPUS), 0);
	}
}

TEST_MAIN(of_qemu, of_smudge_vm, malformed)
