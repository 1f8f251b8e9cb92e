/* SPDX-License-Identifier: MIT */
/*
 * ELF images made by hand for the loader's tests: a good one with two
 * segments, whose bytes the tests then spoil one by one.
 */
#ifndef TESTS_VM_MACHINE_VM_IMAGE_H
#define TESTS_VM_MACHINE_VM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

#define VM_IMAGE_TEXT_GPA  UINT64_C(0x400000)
#define VM_IMAGE_DATA_GPA  UINT64_C(0x402000)
#define VM_IMAGE_TEXT_OFF  0x100u
#define VM_IMAGE_DATA_OFF  0x180u
#define VM_IMAGE_BYTES	   0x200u
#define VM_IMAGE_DATA_ZERO 0x1000u /* memory beyond the file's bytes */

/* Offsets of fields, for spoiling. */
#define VM_IMAGE_CLASS	   4u
#define VM_IMAGE_ENCODING  5u
#define VM_IMAGE_TYPE	   16u
#define VM_IMAGE_MACHINE   18u
#define VM_IMAGE_ENTRY	   24u
#define VM_IMAGE_PHOFF	   32u
#define VM_IMAGE_PHENTSIZE 54u
#define VM_IMAGE_PHNUM	   56u
#define VM_IMAGE_SEGMENT   64u /* the first program header */
#define VM_IMAGE_SEGMENT2  (64u + 56u)
#define VM_IMAGE_P_TYPE	   0u
#define VM_IMAGE_P_OFFSET  8u
#define VM_IMAGE_P_VADDR   16u
#define VM_IMAGE_P_FILESZ  32u
#define VM_IMAGE_P_MEMSZ   40u

struct vm_image {
	uint8_t bytes[VM_IMAGE_BYTES];
	size_t len;
};

void vm_image_make(struct vm_image *image);
void vm_image_put(struct vm_image *image, size_t offset, uint64_t value,
		  size_t len);

/* RAM of one piece from address 0, zeroed; and its end. */
void vm_image_ram(struct ram *ram, uint64_t size_bytes);
void vm_image_ram_free(struct ram *ram);

#endif
