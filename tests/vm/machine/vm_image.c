/* SPDX-License-Identifier: MIT */
/*
 * The good image: text of 0x80 bytes 0xc3, data of 0x40 bytes 0xda followed
 * by zeroes in memory, entry at the first byte of text.
 */
#include "vm_image.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

void vm_image_put(struct vm_image *image, size_t offset, uint64_t value,
		  size_t len)
{
	for (size_t i = 0; i < len; i++)
		image->bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

static void put_segment(struct vm_image *image, size_t header, uint64_t off,
			uint64_t gpa, uint64_t file_bytes,
			uint64_t memory_bytes)
{
	vm_image_put(image, header + VM_IMAGE_P_TYPE, 1, 4);
	vm_image_put(image, header + VM_IMAGE_P_OFFSET, off, 8);
	vm_image_put(image, header + VM_IMAGE_P_VADDR, gpa, 8);
	vm_image_put(image, header + VM_IMAGE_P_FILESZ, file_bytes, 8);
	vm_image_put(image, header + VM_IMAGE_P_MEMSZ, memory_bytes, 8);
}

void vm_image_make(struct vm_image *image)
{
	static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	memset(image, 0, sizeof(*image));
	image->len = VM_IMAGE_BYTES;
	memcpy(image->bytes, ident, sizeof(ident));
	vm_image_put(image, VM_IMAGE_TYPE, 2, 2);
	vm_image_put(image, VM_IMAGE_MACHINE, 62, 2);
	vm_image_put(image, 20, 1, 4);
	vm_image_put(image, VM_IMAGE_ENTRY, VM_IMAGE_TEXT_GPA, 8);
	vm_image_put(image, VM_IMAGE_PHOFF, VM_IMAGE_SEGMENT, 8);
	vm_image_put(image, 52, 64, 2);
	vm_image_put(image, VM_IMAGE_PHENTSIZE, 56, 2);
	vm_image_put(image, VM_IMAGE_PHNUM, 2, 2);
	put_segment(image, VM_IMAGE_SEGMENT, VM_IMAGE_TEXT_OFF,
		    VM_IMAGE_TEXT_GPA, 0x80, 0x80);
	put_segment(image, VM_IMAGE_SEGMENT2, VM_IMAGE_DATA_OFF,
		    VM_IMAGE_DATA_GPA, 0x40, 0x40 + VM_IMAGE_DATA_ZERO);
	memset(image->bytes + VM_IMAGE_TEXT_OFF, 0xc3, 0x80);
	memset(image->bytes + VM_IMAGE_DATA_OFF, 0xda, 0x40);
}

void vm_image_ram(struct ram *ram, uint64_t size_bytes)
{
	void *hva = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert(hva != MAP_FAILED);
	ram->npieces = 1;
	ram->pieces[0] = (struct ram_piece){
		.name = "ram-low", .size_bytes = size_bytes, .hva = hva};
}

void vm_image_ram_free(struct ram *ram)
{
	munmap(ram->pieces[0].hva, ram->pieces[0].size_bytes);
}
