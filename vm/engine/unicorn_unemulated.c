/* SPDX-License-Identifier: MIT */
/*
 * What a guest may do that Unicorn 2.0.1 does not emulate: page tables,
 * SYSCALL, exceptions with a handler. Each ends the run with a sentence.
 *
 * Unicorn checks whether page tables have an entry that is present, and then
 * takes the virtual address for the physical one (docs/decisions/0010). That
 * is right for the loader's tables only, which map RAM one to one, so a guest
 * must keep them. They are compared when a state comes in and whenever the
 * guest is entered, the guest cannot write them, and CR3 is compared at each
 * block.
 */
#include "engine/unicorn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "base/bytes.h"
#include "engine/boot_tables.h"

#define WHERE	    "unicorn"
#define ENTRY_BYTES 8

static uint64_t tables_bytes(const struct engine *engine)
{
	return engine->tables_end_gpa - BOOT_TABLES_GPA;
}

int engine_unicorn_make_tables(struct engine *engine, struct smudge_error *err)
{
	if (!engine->ram->npieces)
		return 0;
	engine->tables_end_gpa = boot_tables_end(engine->ram);
	engine->tables = malloc(tables_bytes(engine));
	if (!engine->tables)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"out of memory for a copy of the page "
					"tables");
	boot_tables_write(engine->ram, engine->tables);
	return 0;
}

static uc_err map(struct engine_vcpu *vcpu, const struct ram_piece *piece,
		  uint64_t from, uint64_t to, uint32_t protection)
{
	return uc_mem_map_ptr(vcpu->uc, from, to - from, protection,
			      piece->hva + (from - piece->gpa));
}

uc_err engine_unicorn_map(struct engine_vcpu *vcpu,
			  const struct ram_piece *piece)
{
	uint64_t tables_end = vcpu->engine->tables_end_gpa;
	uint64_t end = piece->gpa + piece->size_bytes;
	uc_err ret;

	if (piece->gpa > BOOT_TABLES_GPA)
		return map(vcpu, piece, piece->gpa, end, UC_PROT_ALL);
	ret = map(vcpu, piece, piece->gpa, BOOT_TABLES_GPA, UC_PROT_ALL);
	if (ret == UC_ERR_OK)
		ret = map(vcpu, piece, BOOT_TABLES_GPA, tables_end,
			  UC_PROT_READ | UC_PROT_EXEC);
	if (ret == UC_ERR_OK)
		ret = map(vcpu, piece, tables_end, end, UC_PROT_ALL);
	return ret;
}

/* False: Unicorn ends the run. The store is not carried out. */
static bool writes_tables(uc_engine *uc, uc_mem_type type, uint64_t gpa,
			  int size, int64_t value, void *opaque)
{
	struct engine_vcpu *vcpu = opaque;

	smudge_error_set(&vcpu->unemulated, -EOPNOTSUPP, WHERE,
			 "the guest writes its page tables, at 0x%" PRIx64
			 ", and Unicorn 2.0.1 does not translate addresses: "
			 "use --engine kvm",
			 gpa);
	return false;
}

static void calls_system(uc_engine *uc, void *opaque)
{
	struct engine_vcpu *vcpu = opaque;

	smudge_error_set(&vcpu->unemulated, -EOPNOTSUPP, WHERE,
			 "the guest executed SYSCALL, which Unicorn 2.0.1 does "
			 "not emulate: use --engine kvm");
	uc_emu_stop(uc);
}

uc_err engine_unicorn_hook_unemulated(struct engine_vcpu *vcpu)
{
	uc_hook hook;
	uc_err ret;

	ret = uc_hook_add(vcpu->uc, &hook, UC_HOOK_MEM_WRITE_PROT,
			  (void *)writes_tables, vcpu, 1, 0);
	if (ret == UC_ERR_OK)
		ret = uc_hook_add(vcpu->uc, &hook, UC_HOOK_INSN,
				  (void *)calls_system, vcpu, 1, 0,
				  UC_X86_INS_SYSCALL);
	return ret;
}

bool engine_unicorn_has_handlers(const struct engine_vcpu *vcpu,
				 struct smudge_error *err)
{
	uc_x86_mmr idt = {0};

	uc_reg_read(vcpu->uc, UC_X86_REG_IDTR, &idt);
	if (!idt.limit)
		return false;
	smudge_error_set(err, -EOPNOTSUPP, WHERE,
			 "the guest met an exception at 0x%" PRIx64
			 ", which Unicorn 2.0.1 does not deliver to its "
			 "handler: use --engine kvm",
			 vcpu->shadow.rip);
	return true;
}

bool engine_unicorn_has_other_tables(struct engine_vcpu *vcpu)
{
	uint64_t cr3 = vcpu->shadow.cr3;

	uc_reg_read(vcpu->uc, UC_X86_REG_CR3, &cr3);
	return cr3 != vcpu->shadow.cr3 &&
	       engine_unicorn_check_tables(vcpu->engine, cr3,
					   &vcpu->unemulated) < 0;
}

static uint64_t entry_at(const uint8_t *tables, uint64_t off)
{
	struct vm_reader reader = {.bytes = tables + off, .len = ENTRY_BYTES};

	return vm_read64(&reader);
}

static int refuse_entry(const struct engine *engine, const uint8_t *found,
			struct smudge_error *err)
{
	uint64_t off = 0;

	while (!memcmp(found + off, engine->tables + off, ENTRY_BYTES))
		off += ENTRY_BYTES;
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"the page-table entry at 0x%" PRIx64
				" is 0x%" PRIx64 ", not the loader's 0x%" PRIx64
				"; Unicorn 2.0.1 does not "
				"translate addresses: use --engine kvm",
				BOOT_TABLES_GPA + off, entry_at(found, off),
				entry_at(engine->tables, off));
}

int engine_unicorn_check_tables(const struct engine *engine, uint64_t cr3,
				struct smudge_error *err)
{
	const uint8_t *found = engine->ram->pieces[0].hva + BOOT_TABLES_GPA;

	if (cr3 != BOOT_TABLES_GPA)
		return smudge_error_set(
			err, -EOPNOTSUPP, WHERE,
			"CR3 is 0x%" PRIx64 ": the guest has page tables of "
			"its own, and Unicorn 2.0.1 does not translate "
			"addresses: use --engine kvm",
			cr3);
	if (memcmp(found, engine->tables, tables_bytes(engine)) != 0)
		return refuse_entry(engine, found, err);
	return 0;
}
