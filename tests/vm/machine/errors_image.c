/* SPDX-License-Identifier: MIT */
/*
 * Every kind of bad guest image is refused with its own sentence, and leaves
 * RAM as it was.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "engine/boot_tables.h"
#include "machine/loader.h"
#include "vm_image.h"

#define RAM_BYTES (UINT64_C(16) << 20)

/* One field of the good image overwritten; len 0 cuts the file instead. */
struct bad_image {
	const char *what;
	const char *sentence; /* part of it */
	size_t offset;
	uint64_t value;
	size_t len;
};

#define TRUNCATED(what, bytes, sentence)    \
	{                                   \
		what, sentence, bytes, 0, 0 \
	}

static const struct bad_image bad_images[] = {
	TRUNCATED("empty", 0, "no ELF file"),
	TRUNCATED("three bytes", 3, "no ELF file"),
	{"magic", "no ELF file", 1, 'M', 1},
	TRUNCATED("header cut", 63, "truncated within the ELF header"),
	{"32-bit", "no little-endian ELF64", VM_IMAGE_CLASS, 1, 1},
	{"big-endian", "no little-endian ELF64", VM_IMAGE_ENCODING, 2, 1},
	{"shared object", "no ET_EXEC", VM_IMAGE_TYPE, 3, 2},
	{"other processor", "not for x86-64", VM_IMAGE_MACHINE, 183, 2},
	{"no headers", "no program headers", VM_IMAGE_PHNUM, 0, 2},
	{"header size", "have another size", VM_IMAGE_PHENTSIZE, 32, 2},
	{"header place", "within the program headers", VM_IMAGE_PHOFF,
	 UINT64_MAX, 8},
	TRUNCATED("headers cut", 64 + 56 + 55, "within the program headers"),
	TRUNCATED("segment cut", VM_IMAGE_DATA_OFF + 0x3f,
		  "truncated within a segment"),
	{"file offset", "truncated within a segment",
	 VM_IMAGE_SEGMENT2 + VM_IMAGE_P_OFFSET, UINT64_MAX - 4, 8},
	{"file larger", "larger in the file",
	 VM_IMAGE_SEGMENT2 + VM_IMAGE_P_MEMSZ, 0x3f, 8},
	{"beyond RAM", "outside RAM", VM_IMAGE_SEGMENT2 + VM_IMAGE_P_VADDR,
	 RAM_BYTES - 0x1000, 8},
	{"address wraps", "outside RAM", VM_IMAGE_SEGMENT2 + VM_IMAGE_P_VADDR,
	 UINT64_MAX - 0x10, 8},
	{"size wraps", "outside RAM", VM_IMAGE_SEGMENT2 + VM_IMAGE_P_MEMSZ,
	 UINT64_MAX - 0x402000 + 2, 8},
	{"loader's tables", "overlaps the loader's tables",
	 VM_IMAGE_SEGMENT2 + VM_IMAGE_P_VADDR, BOOT_TABLES_GPA, 8},
	{"null page", "overlaps the loader's tables",
	 VM_IMAGE_SEGMENT2 + VM_IMAGE_P_VADDR, 0, 8},
	{"two segments", "two segments overlap",
	 VM_IMAGE_SEGMENT2 + VM_IMAGE_P_VADDR, VM_IMAGE_TEXT_GPA + 0x7f, 8},
	{"entry", "entry point is in no segment", VM_IMAGE_ENTRY,
	 VM_IMAGE_TEXT_GPA + 0x80, 8},
	{"text not loaded", "entry point is in no segment", VM_IMAGE_SEGMENT, 4,
	 4},
};

static void assert_untouched(const struct ram *ram)
{
	for (uint64_t i = 0; i < ram->pieces[0].size_bytes; i += 8)
		assert_int_equal(*(uint64_t *)(ram->pieces[0].hva + i), 0);
}

static void refuse(const struct bad_image *bad)
{
	struct smudge_error err = {0};
	struct ram ram;
	struct vm_image image;
	uint64_t entry = 42;
	int ret;

	vm_image_ram(&ram, RAM_BYTES);
	vm_image_make(&image);
	if (bad->len)
		vm_image_put(&image, bad->offset, bad->value, bad->len);
	else
		image.len = bad->offset;
	ret = loader_load_elf(image.bytes, image.len, &ram, &entry, &err);
	if (ret != -EINVAL || !strstr(err.message, bad->sentence))
		fail_msg("%s: %d, \"%s\"", bad->what, ret, err.message);
	assert_int_equal(entry, 42);
	assert_untouched(&ram);
	vm_image_ram_free(&ram);
}

static void test_bad_images(void **state)
{
	for (size_t i = 0; i < sizeof(bad_images) / sizeof(bad_images[0]); i++)
		refuse(&bad_images[i]);
}

/* Any cut of a good image is refused or loads: it never reads outside. */
static void test_every_length(void **state)
{
	struct ram ram;
	struct vm_image image;
	uint64_t entry;

	vm_image_ram(&ram, RAM_BYTES);
	vm_image_make(&image);
	for (size_t len = 0; len < VM_IMAGE_DATA_OFF + 0x40; len++)
		assert_int_equal(
			loader_load_elf(image.bytes, len, &ram, &entry, NULL),
			-EINVAL);
	vm_image_ram_free(&ram);
}

static void test_nothing_to_load(void **state)
{
	struct smudge_error err = {0};
	struct ram ram;
	struct vm_image image;
	uint64_t entry;

	vm_image_ram(&ram, RAM_BYTES);
	vm_image_make(&image);
	vm_image_put(&image, VM_IMAGE_SEGMENT, 4, 4);
	vm_image_put(&image, VM_IMAGE_SEGMENT2, 4, 4);
	assert_int_equal(
		loader_load_elf(image.bytes, image.len, &ram, &entry, &err),
		-EINVAL);
	assert_non_null(strstr(err.message, "no segment to load"));
	vm_image_ram_free(&ram);
}

static void test_missing_file(void **state)
{
	struct smudge_error err = {0};
	struct ram ram;
	struct vcpu_state vcpu;

	vm_image_ram(&ram, RAM_BYTES);
	assert_int_equal(
		loader_load_file("/nonexistent/guest", "", &ram, &vcpu, &err),
		-ENOENT);
	assert_non_null(strstr(err.message, "/nonexistent/guest"));
	err = (struct smudge_error){0};
	assert_true(loader_load_file("/", "", &ram, &vcpu, &err) < 0);
	assert_non_null(strstr(err.message, "it is a directory"));
	err = (struct smudge_error){0};
	assert_int_equal(
		loader_load_file("/proc/self/cmdline", "", &ram, &vcpu, &err),
		-EINVAL);
	assert_non_null(strstr(err.message, "/proc/self/cmdline"));
	assert_non_null(strstr(err.message, "no ELF file"));
	vm_image_ram_free(&ram);
}

static void test_long_command_line(void **state)
{
	static char line[LOADER_CMDLINE_MAX + 2];
	struct smudge_error err = {0};
	struct ram ram;
	struct vcpu_state vcpu;

	vm_image_ram(&ram, RAM_BYTES);
	memset(line, 'x', LOADER_CMDLINE_MAX + 1);
	assert_int_equal(loader_prepare_boot(&ram, line, 0, &vcpu, &err),
			 -E2BIG);
	assert_non_null(strstr(err.message, "4096 bytes"));
	line[LOADER_CMDLINE_MAX] = '\0';
	assert_int_equal(loader_prepare_boot(&ram, line, 0, &vcpu, NULL), 0);
	vm_image_ram_free(&ram);
}

TEST_MAIN(test_bad_images, test_every_length, test_nothing_to_load,
	  test_missing_file, test_long_command_line)
