/* SPDX-License-Identifier: MIT */
/*
 * States that Unicorn 2.0.1 accepts but does not emulate are refused. Each
 * sentence names what differs and what to do. The guest that was there before
 * continues with its own state.
 */
#include "vm_cpu.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "engine/boot_tables.h"
#include "machine/loader.h"

#define GDT_CODE (LOADER_GDT_GPA + 0x08)
#define GDT_DATA (LOADER_GDT_GPA + 0x10)
#define PML4	 BOOT_TABLES_GPA
#define PDPT	 (BOOT_TABLES_GPA + 0x1000)
#define PD	 (BOOT_TABLES_GPA + 0x2000)
#define HIDDEN	 "hidden segment parts"

struct rig {
	struct vm_guest guest;
	struct vm_buf saved;
	struct vcpu_state cpu;
};

static void open_rig(struct rig *rig)
{
	*rig = (struct rig){0};
	vm_guest_need("unicorn");
	vm_guest_open(&rig->guest, "unicorn", "auto",
		      "working-set=64K passes=2");
	vm_cpu_save(&rig->guest, &rig->saved, &rig->cpu);
}

static void close_rig(struct rig *rig)
{
	struct smudge_error err = {0};

	if (vm_cpu_load(&rig->guest, &rig->saved, &rig->cpu, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(machine_resume(rig->guest.machine), 0);
	assert_int_equal(vm_guest_wait_end(&rig->guest), VM_GUEST_OK);
	vm_guest_close(&rig->guest);
	vm_buf_free(&rig->saved);
}

static void refuse(struct rig *rig, const struct vcpu_state *cpu,
		   const char *sentence)
{
	struct smudge_error err = {0};
	int ret = vm_cpu_load(&rig->guest, &rig->saved, cpu, &err);

	if (ret != -EOPNOTSUPP || !strstr(err.message, sentence) ||
	    !strstr(err.message, "Unicorn 2.0.1") ||
	    !strstr(err.message, "--engine kvm"))
		fail_msg("%s: %d \"%s\"", sentence, ret, err.message);
}

#define REFUSE(rig, field, value, sentence)          \
	do {                                         \
		struct vcpu_state cpu_ = (rig)->cpu; \
                                                     \
		cpu_.field = value;                  \
		refuse(rig, &cpu_, sentence);        \
	} while (0)

static void test_registers(void **state)
{
	struct rig rig;

	open_rig(&rig);
	REFUSE(&rig, cr3, BOOT_TABLES_GPA + 0x1000, "CR3 is 0x11000");
	REFUSE(&rig, cr3, BOOT_TABLES_GPA | 0x18, "CR3 is 0x10018");
	REFUSE(&rig, cr0, rig.cpu.cr0 | 0x4, "CR0.EM or CR0.TS");
	REFUSE(&rig, cr0, rig.cpu.cr0 | 0x8, "CR0.EM or CR0.TS");
	REFUSE(&rig, cr4, rig.cpu.cr4 | 1 << 12, "bits in CR4");
	REFUSE(&rig, cr4, rig.cpu.cr4 | 1 << 18, "bits in CR4");
	REFUSE(&rig, cr4, rig.cpu.cr4 | 1 << 20, "bits in CR4");
	REFUSE(&rig, cr8, 3, "CR8");
	REFUSE(&rig, efer, rig.cpu.efer | 1, "EFER");
	REFUSE(&rig, efer, rig.cpu.efer | 0x800, "EFER");
	REFUSE(&rig, rflags, rig.cpu.rflags | 0x100, "single step");
	REFUSE(&rig, msr[VCPU_MSR_TSC], UINT64_MAX >> 1, "time stamp counter");
	close_rig(&rig);
}

static void test_segments(void **state)
{
	struct rig rig;

	open_rig(&rig);
	REFUSE(&rig, seg[VCPU_DS].base, 0x1000, HIDDEN);
	REFUSE(&rig, seg[VCPU_ES].limit_bytes, 0xffff, HIDDEN);
	REFUSE(&rig, seg[VCPU_SS].attr, 0x4093, HIDDEN);
	REFUSE(&rig, seg[VCPU_CS].attr, 0xa09f, HIDDEN);
	REFUSE(&rig, seg[VCPU_CS].attr, 0xc09b, "not the 64-bit one");
	REFUSE(&rig, seg[VCPU_FS].attr, 0xc0f3, HIDDEN);
	REFUSE(&rig, seg[VCPU_GS].selector, 0x18, "segments");
	REFUSE(&rig, seg[VCPU_DS].selector, 0x14, "segments");
	REFUSE(&rig, seg[VCPU_DS].selector, 0x13, "segments");
	REFUSE(&rig, seg[VCPU_DS].selector, 0, HIDDEN);
	REFUSE(&rig, gdt.limit_bytes, 0xf, "segments");
	REFUSE(&rig, gdt.base, UINT64_C(0xffff800000000000), "segments");
	REFUSE(&rig, gdt.base, 0x4000, "segments");
	close_rig(&rig);
}

/* Bits that are turned over in RAM, before the state comes in. */
static const struct spoiled {
	uint64_t gpa;
	uint64_t bits;
	const char *sentence;
} spoiled_ram[] = {
	{PML4, 0x1, "entry at 0x10000 is 0x11022"},
	{PML4 + 8, 0x12023, "entry at 0x10008 is 0x12023"},
	{PDPT, 0x2, "entry at 0x11000 is 0x12021"},
	{PDPT + 511 * 8, 0x83, "entry at 0x11ff8"},
	{PD, 0x200000, "entry at 0x12000 is 0x2000e3"},
	{PD + 5 * 8, 0x1, "entry at 0x12028"},	/* not present */
	{PD + 5 * 8, 0x2, "entry at 0x12028"},	/* read only */
	{PD + 5 * 8, 0x4, "entry at 0x12028"},	/* for users */
	{PD + 5 * 8, 0x20, "entry at 0x12028"}, /* accessed */
	{PD + 5 * 8, 0x40, "entry at 0x12028"}, /* dirty */
	{PD + 5 * 8, UINT64_C(1) << 63, "entry at 0x12028"},
	{PD + 16 * 8, 0x20000e3, "entry at 0x12080"},
	{PD + 511 * 8, 0xe3, "entry at 0x12ff8"},
	{GDT_CODE, UINT64_C(1) << 54, HIDDEN},
	{GDT_DATA, UINT64_C(1) << 47, "segments"},
	{GDT_DATA, UINT64_C(1) << 16, HIDDEN},
};

static void test_memory(void **state)
{
	struct rig rig;

	open_rig(&rig);
	for (size_t i = 0; i < sizeof(spoiled_ram) / sizeof(spoiled_ram[0]);
	     i++) {
		const struct spoiled *bad = &spoiled_ram[i];
		uint64_t *word = (uint64_t *)ram_at(
			machine_ram(rig.guest.machine), bad->gpa, 8);

		*word ^= bad->bits;
		refuse(&rig, &rig.cpu, bad->sentence);
		*word ^= bad->bits;
	}
	close_rig(&rig);
}

TEST_MAIN(test_registers, test_segments, test_memory)
