/* SPDX-License-Identifier: MIT */
/*
 * From an ELF file to a vCPU that is about to enter it.
 *
 * Low memory belongs to the loader: a GDT, the command line, stacks and the
 * page tables, up to boot_tables_end(). RAM is mapped one to one, so segments
 * of the image are loaded at their virtual addresses. They must lie above the
 * loader's memory. The whole image is checked before anything is written.
 */
#ifndef VM_MACHINE_LOADER_H
#define VM_MACHINE_LOADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/ram.h"
#include "engine/vcpu_state.h"

struct smudge_error;

#define LOADER_GDT_GPA	    UINT64_C(0x1000)
#define LOADER_CMDLINE_GPA  UINT64_C(0x2000)
#define LOADER_CMDLINE_MAX  4095 /* bytes before the final 0 */
#define LOADER_STACK_BOTTOM UINT64_C(0x8000)
#define LOADER_STACK_TOP    UINT64_C(0x10000)

/*
 * loader_load_elf - check an image and copy its segments into RAM
 * @image, @len: the whole file; untrusted
 * @ret_entry: written only on success
 * Return: 0, or -EINVAL with one sentence (no ELF64 for x86-64, truncated,
 * a segment outside RAM, over the loader's tables or over another segment,
 * an entry point in no segment).
 */
int loader_load_elf(const uint8_t *image, size_t len, const struct ram *ram,
		    uint64_t *ret_entry, struct smudge_error *err);

/*
 * loader_prepare_boot - write tables and command line; state at the entry
 * Return: 0, or -E2BIG with one sentence (command line too long).
 */
int loader_prepare_boot(const struct ram *ram, const char *cmdline,
			uint64_t entry, struct vcpu_state *ret,
			struct smudge_error *err);

/*
 * Tell a vCPU at the entry which one it is: its number in RDX, how many there
 * are in RCX, and a stack of its own, an equal part of the room for stacks.
 */
void loader_set_vcpu(struct vcpu_state *state, unsigned int index,
		     unsigned int nvcpus);

/* loader_load_elf and loader_prepare_boot, for a file. */
int loader_load_file(const char *path, const char *cmdline,
		     const struct ram *ram, struct vcpu_state *ret,
		     struct smudge_error *err);

#endif
