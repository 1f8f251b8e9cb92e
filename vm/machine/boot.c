/* SPDX-License-Identifier: MIT */
/*
 * The boot half of the loader: what the guest finds in low memory, and the
 * registers that it starts with.
 */
#include "machine/loader.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "engine/boot_tables.h"

#define GDT_CODE64 UINT64_C(0x00af9b000000ffff)
#define GDT_DATA   UINT64_C(0x00cf93000000ffff)

void loader_set_vcpu(struct vcpu_state *state, unsigned int index,
		     unsigned int nvcpus)
{
	uint64_t bytes = (LOADER_STACK_TOP - LOADER_STACK_BOTTOM) / nvcpus &
			 ~UINT64_C(15);

	state->gpr[VCPU_RDX] = index;
	state->gpr[VCPU_RCX] = nvcpus;
	state->gpr[VCPU_RSP] = LOADER_STACK_TOP - index * bytes;
}

int loader_prepare_boot(const struct ram *ram, const char *cmdline,
			uint64_t entry, struct vcpu_state *ret,
			struct smudge_error *err)
{
	const struct vcpu_table gdt = {.base = LOADER_GDT_GPA,
				       .limit_bytes = 3 * 8 - 1};
	size_t len = strlen(cmdline);
	uint8_t *low = ram->pieces[0].hva;
	uint64_t ram_bytes = 0;

	if (len > LOADER_CMDLINE_MAX)
		return smudge_error_set(err, -E2BIG, "loader",
					"the guest's command line has %zu "
					"bytes, more than the %d there is "
					"room for",
					len, LOADER_CMDLINE_MAX);
	for (size_t i = 0; i < ram->npieces; i++)
		ram_bytes +=
			ram->pieces[i].is_vram ? 0 : ram->pieces[i].size_bytes;
	vm_store64(low + LOADER_GDT_GPA, 0);
	vm_store64(low + LOADER_GDT_GPA + 8, GDT_CODE64);
	vm_store64(low + LOADER_GDT_GPA + 16, GDT_DATA);
	memcpy(low + LOADER_CMDLINE_GPA, cmdline, len + 1);
	boot_tables_write(ram, low + BOOT_TABLES_GPA);
	vcpu_state_init_long_mode(ret, entry, LOADER_STACK_TOP, BOOT_TABLES_GPA,
				  gdt);
	ret->gpr[VCPU_RDI] = LOADER_CMDLINE_GPA;
	ret->gpr[VCPU_RSI] = ram_bytes;
	return 0;
}
