/* SPDX-License-Identifier: MIT */
/*
 * A good image lands in RAM, and the page tables map all of RAM one to one
 * and nothing of the hole: walked here as a processor would.
 */
#include "support.h"

#include <string.h>

#include "engine/boot_tables.h"
#include "machine/loader.h"
#include "vm_image.h"

#define GIB	  (UINT64_C(1) << 30)
#define NOT_THERE UINT64_MAX

static uint64_t entry_at(const struct ram *ram, uint64_t table, uint64_t index)
{
	uint64_t value;

	memcpy(&value, ram->pieces[0].hva + table + index * 8, sizeof(value));
	return value;
}

/* The physical address of @address, or NOT_THERE. */
static uint64_t walk(const struct ram *ram, uint64_t cr3, uint64_t address)
{
	uint64_t table = cr3;

	for (unsigned int shift = 39; shift >= 21; shift -= 9) {
		uint64_t entry = entry_at(ram, table, (address >> shift) & 511);
		uint64_t mask = (UINT64_C(1) << shift) - 1;

		if (!(entry & 1))
			return NOT_THERE;
		table = entry & UINT64_C(0x000ffffffffff000);
		if (entry & 0x80)
			return (table & ~mask) | (address & mask);
	}
	return NOT_THERE;
}

/* Only the first piece has memory behind it: the tables are in there. */
static void check_map(uint64_t low_bytes, uint64_t high_bytes)
{
	struct ram ram;
	struct vcpu_state vcpu;
	uint64_t at;

	vm_image_ram(&ram, low_bytes);
	if (high_bytes)
		ram.pieces[ram.npieces++] = (struct ram_piece){
			.gpa = MACHINE_HOLE_END, .size_bytes = high_bytes};
	assert_int_equal(loader_prepare_boot(&ram, "", 0, &vcpu, NULL), 0);
	for (at = 0; at < low_bytes; at += UINT64_C(2) << 20)
		assert_int_equal(walk(&ram, vcpu.cr3, at + 5), at + 5);
	assert_int_equal(walk(&ram, vcpu.cr3, low_bytes - 1), low_bytes - 1);
	assert_int_equal(walk(&ram, vcpu.cr3, low_bytes), NOT_THERE);
	for (at = 0; at < high_bytes; at += UINT64_C(64) << 20)
		assert_int_equal(walk(&ram, vcpu.cr3, MACHINE_HOLE_END + at),
				 MACHINE_HOLE_END + at);
	at = MACHINE_HOLE_END + high_bytes;
	if (high_bytes)
		assert_int_equal(walk(&ram, vcpu.cr3, at - 1), at - 1);
	assert_int_equal(walk(&ram, vcpu.cr3, at), NOT_THERE);
	assert_true(boot_tables_end(&ram) <= UINT64_C(0x400000));
	vm_image_ram_free(&ram);
}

static void test_map_covers_ram(void **state)
{
	check_map(UINT64_C(16) << 20, 0);
	check_map(GIB + (UINT64_C(2) << 20), 0);
	check_map(3 * GIB, 0);
	check_map(3 * GIB, GIB);
	check_map(3 * GIB, 100 * GIB + (UINT64_C(6) << 20));
}

/* More than 128 GiB: pages of 1 GiB. */
static void test_map_covers_large_ram(void **state)
{
	check_map(3 * GIB, 125 * GIB);
	check_map(3 * GIB, 700 * GIB);
	check_map(3 * GIB, 4096 * GIB);
}

/* RAM that is no multiple of 2 MiB: the rest of the last page is mapped. */
static void test_map_covers_odd_ram(void **state)
{
	struct ram ram;
	struct vcpu_state vcpu;
	uint64_t bytes = (UINT64_C(16) << 20) + 4096;

	vm_image_ram(&ram, bytes);
	assert_int_equal(loader_prepare_boot(&ram, "", 0, &vcpu, NULL), 0);
	assert_int_equal(walk(&ram, vcpu.cr3, bytes - 1), bytes - 1);
	vm_image_ram_free(&ram);
}

static void test_segments_are_loaded(void **state)
{
	struct ram ram;
	struct vm_image image;
	uint64_t entry = 0;
	uint8_t *data;

	vm_image_ram(&ram, UINT64_C(16) << 20);
	vm_image_make(&image);
	data = ram.pieces[0].hva + VM_IMAGE_DATA_GPA;
	memset(data, 0xff, 0x40 + VM_IMAGE_DATA_ZERO);
	assert_int_equal(
		loader_load_elf(image.bytes, image.len, &ram, &entry, NULL), 0);
	assert_int_equal(entry, VM_IMAGE_TEXT_GPA);
	assert_memory_equal(ram.pieces[0].hva + VM_IMAGE_TEXT_GPA,
			    image.bytes + VM_IMAGE_TEXT_OFF, 0x80);
	assert_memory_equal(data, image.bytes + VM_IMAGE_DATA_OFF, 0x40);
	for (unsigned int i = 0; i < VM_IMAGE_DATA_ZERO; i++)
		assert_int_equal(data[0x40 + i], 0);
	vm_image_ram_free(&ram);
}

/* A segment without bytes in file and memory is none, wherever it is. */
static void test_empty_segment_is_ignored(void **state)
{
	struct ram ram;
	struct vm_image image;
	uint64_t entry = 0;

	vm_image_ram(&ram, UINT64_C(16) << 20);
	vm_image_make(&image);
	vm_image_put(&image, VM_IMAGE_SEGMENT2 + VM_IMAGE_P_VADDR, 0, 8);
	vm_image_put(&image, VM_IMAGE_SEGMENT2 + VM_IMAGE_P_FILESZ, 0, 8);
	vm_image_put(&image, VM_IMAGE_SEGMENT2 + VM_IMAGE_P_MEMSZ, 0, 8);
	assert_int_equal(
		loader_load_elf(image.bytes, image.len, &ram, &entry, NULL), 0);
	vm_image_ram_free(&ram);
}

static void test_arguments_of_the_guest(void **state)
{
	struct ram ram;
	struct vcpu_state vcpu;

	vm_image_ram(&ram, UINT64_C(16) << 20);
	assert_int_equal(
		loader_prepare_boot(&ram, "a=1 b", 0x400010, &vcpu, NULL), 0);
	assert_int_equal(vcpu.rip, 0x400010);
	assert_string_equal((char *)ram.pieces[0].hva + vcpu.gpr[VCPU_RDI],
			    "a=1 b");
	assert_int_equal(vcpu.gpr[VCPU_RSI], ram.pieces[0].size_bytes);
	assert_int_equal(vcpu.gpr[VCPU_RSP] % 16, 0);
	vm_image_ram_free(&ram);
}

/* Each vCPU has its number and a stack of its own, within the room for them. */
static void test_vcpus(void **state)
{
	for (unsigned int n = 1; n <= 8; n++) {
		uint64_t above = LOADER_STACK_TOP + 16;

		for (unsigned int i = 0; i < n; i++) {
			struct vcpu_state vcpu = {.rip = 0};
			uint64_t top;

			loader_set_vcpu(&vcpu, i, n);
			top = vcpu.gpr[VCPU_RSP];
			assert_int_equal(vcpu.gpr[VCPU_RDX], i);
			assert_int_equal(vcpu.gpr[VCPU_RCX], n);
			assert_int_equal(top % 16, 0);
			assert_true(i == 0 || above - top >= 4096);
			assert_true(top - 4096 >= LOADER_STACK_BOTTOM);
			above = top;
		}
	}
}

TEST_MAIN(test_vcpus, test_map_covers_ram, test_map_covers_large_ram,
	  test_map_covers_odd_ram, test_segments_are_loaded,
	  test_empty_segment_is_ignored, test_arguments_of_the_guest)
