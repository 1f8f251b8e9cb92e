/* SPDX-License-Identifier: MIT */
/*
 * Which states Unicorn 2.0.1 can continue with.
 *
 * Unicorn takes some values without complaint and does not emulate them: page
 * tables, hidden segment parts, bits of control registers, the time stamp
 * counter. These are compared before a state is set. After that all registers
 * are read back and compared: a value that Unicorn did not keep would be
 * missing in the guest.
 */
#include "engine/unicorn.h"

#include <errno.h>
#include <string.h>
#include <x86intrin.h>

#include <smudge/error.h>

#include "base/bytes.h"

#define WHERE		 "unicorn"
#define DESCRIPTOR_BYTES 8u
#define SELECTOR_LDT	 4u
#define SELECTOR_RPL	 3u
#define ATTR_ACCESSED	 0x1u
#define ATTR_SEGMENT	 0x10u /* code or data, not of the system */
#define ATTR_DPL	 0x60u
#define ATTR_PRESENT	 0x80u
#define ATTR_LONG	 0x2000u
#define ATTR_PAGES	 0x8000u /* the limit counts pages */
#define EFER_LMA	 UINT64_C(0x400)
#define RFLAGS_TF	 UINT64_C(0x100)
/* EM and TS: Unicorn lacks the #NM that they ask for */
#define CR0_UNEMULATED UINT64_C(0xc)
/* PSE PAE MCE PGE OSFXSR OSXMMEXCPT; the first five change nothing here */
#define CR4_EMULATED UINT64_C(0x6f0)

static int refuse(struct smudge_error *err, const char *what)
{
	return smudge_error_set(err, -EOPNOTSUPP, WHERE,
				"Unicorn 2.0.1 does not emulate the vCPU's %s: "
				"use --engine kvm",
				what);
}

static void decode_descriptor(const uint8_t *bytes, struct vcpu_segment *ret)
{
	struct vm_reader reader = {.bytes = bytes, .len = DESCRIPTOR_BYTES};
	uint64_t word = vm_read64(&reader);

	ret->attr = (uint32_t)(word >> 40) & 0xf0ff;
	ret->base = (word >> 16 & 0xffffff) | (word >> 56 & 0xff) << 24;
	ret->limit_bytes = (uint32_t)((word & 0xffff) | (word >> 32 & 0xf0000));
	if (ret->attr & ATTR_PAGES)
		ret->limit_bytes = ret->limit_bytes << 12 | 0xfff;
	ret->attr |= ATTR_ACCESSED; /* set by the load */
}

int engine_unicorn_derive(const struct engine *engine,
			  const struct vcpu_table *gdt, uint16_t selector,
			  struct vcpu_segment *ret, struct smudge_error *err)
{
	const uint32_t kind = ATTR_SEGMENT | ATTR_PRESENT;
	uint16_t off = selector & ~(DESCRIPTOR_BYTES - 1);
	const uint8_t *bytes;

	*ret = (struct vcpu_segment){.selector = selector,
				     .attr = VCPU_ATTR_UNUSABLE};
	if (!(selector & ~SELECTOR_RPL))
		return 0;
	bytes = ram_at(engine->ram, gdt->base + off, DESCRIPTOR_BYTES);
	if ((selector & (SELECTOR_LDT | SELECTOR_RPL)) || !bytes ||
	    off + DESCRIPTOR_BYTES - 1 > gdt->limit_bytes)
		return refuse(err, "segments outside the GDT or the kernel");
	decode_descriptor(bytes, ret);
	if ((ret->attr & (kind | ATTR_DPL)) != kind)
		return refuse(err, "segments that are not in the GDT");
	return 0;
}

static bool is_same_segment(enum vcpu_seg seg, const struct vcpu_segment *a,
			    const struct vcpu_segment *b)
{
	bool has_own_base = seg == VCPU_FS || seg == VCPU_GS;

	if ((a->attr ^ b->attr) & VCPU_ATTR_UNUSABLE)
		return false;
	if (a->attr & VCPU_ATTR_UNUSABLE)
		return has_own_base || a->base == b->base;
	return a->attr == b->attr && a->limit_bytes == b->limit_bytes &&
	       (has_own_base || a->base == b->base);
}

static int accept_segments(const struct engine *engine,
			   const struct vcpu_state *state,
			   struct smudge_error *err)
{
	struct vcpu_segment derived;
	int ret;

	for (unsigned int i = VCPU_ES; i <= VCPU_GS; i++) {
		ret = engine_unicorn_derive(engine, &state->gdt,
					    state->seg[i].selector, &derived,
					    err);
		if (ret < 0)
			return ret;
		if (!is_same_segment(i, &state->seg[i], &derived))
			return refuse(err, "hidden segment parts, other than "
					   "its GDT has them");
	}
	return 0;
}

int engine_unicorn_accept(const struct engine *engine,
			  const struct vcpu_state *state,
			  struct smudge_error *err)
{
	int ret;

	if (!(state->efer & EFER_LMA) ||
	    !(state->seg[VCPU_CS].attr & ATTR_LONG))
		return refuse(err, "mode, which is not the 64-bit one");
	ret = engine_unicorn_check_tables(engine, state->cr3, err);
	if (ret == 0)
		ret = accept_segments(engine, state, err);
	if (ret < 0)
		return ret;
	if (state->cr0 & CR0_UNEMULATED)
		return refuse(err, "CR0.EM or CR0.TS");
	if (state->cr4 & ~CR4_EMULATED)
		return refuse(err, "bits in CR4");
	if (state->rflags & RFLAGS_TF)
		return refuse(err, "single step");
	/* a guest of Unicorn reads the host's */
	if (state->msr[VCPU_MSR_TSC] > __rdtsc())
		return refuse(err, "time stamp counter, which is ahead of this "
				   "host's");
	return 0;
}

struct field {
	const char *name;
	size_t offset;
	size_t bytes;
};

#define FIELD(name, member)                                      \
	{                                                        \
		name, offsetof(struct vcpu_state, member),       \
			sizeof(((struct vcpu_state *)0)->member) \
	}
#define MSR(name, index) FIELD(name, msr[index])

/*
 * Segments, which accept_segments compared, and the time stamp counter are
 * left out.
 */
static const struct field fields[] = {
	FIELD("general registers", gpr),
	FIELD("RFLAGS", rflags),
	FIELD("FS base", seg[VCPU_FS].base),
	FIELD("GS base", seg[VCPU_GS].base),
	FIELD("GDTR", gdt.base),
	FIELD("GDTR", gdt.limit_bytes),
	FIELD("IDTR", idt.base),
	FIELD("IDTR", idt.limit_bytes),
	FIELD("CR0", cr0),
	FIELD("CR2", cr2),
	FIELD("CR3", cr3),
	FIELD("CR4", cr4),
	FIELD("CR8", cr8),
	FIELD("EFER", efer),
	MSR("MSR STAR", VCPU_MSR_STAR),
	MSR("MSR LSTAR", VCPU_MSR_LSTAR),
	MSR("MSR CSTAR", VCPU_MSR_CSTAR),
	MSR("MSR SFMASK", VCPU_MSR_SFMASK),
	MSR("MSR KERNEL_GS_BASE", VCPU_MSR_KERNEL_GS_BASE),
	MSR("MSR SYSENTER_CS", VCPU_MSR_SYSENTER_CS),
	MSR("MSR SYSENTER_ESP", VCPU_MSR_SYSENTER_ESP),
	MSR("MSR SYSENTER_EIP", VCPU_MSR_SYSENTER_EIP),
	MSR("MSR PAT", VCPU_MSR_PAT),
	FIELD("x87 control word", fpu.fcw),
	FIELD("x87 status word", fpu.fsw),
	FIELD("x87 tags", fpu.ftw),
	FIELD("x87 registers", fpu.st),
	FIELD("SSE registers", fpu.xmm),
	FIELD("MXCSR", fpu.mxcsr),
};

static bool is_same_system(const struct vcpu_segment *a,
			   const struct vcpu_segment *b)
{
	if (a->attr & b->attr & VCPU_ATTR_UNUSABLE)
		return a->selector == b->selector;
	return a->selector == b->selector && a->base == b->base &&
	       a->limit_bytes == b->limit_bytes && a->attr == b->attr;
}

const char *engine_unicorn_difference(const struct vcpu_state *set,
				      const struct vcpu_state *got)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (memcmp((const char *)set + fields[i].offset,
			   (const char *)got + fields[i].offset,
			   fields[i].bytes) != 0)
			return fields[i].name;
	if (!is_same_system(&set->seg[VCPU_TR], &got->seg[VCPU_TR]))
		return "task register";
	if (!is_same_system(&set->seg[VCPU_LDT], &got->seg[VCPU_LDT]))
		return "LDTR";
	for (size_t i = VCPU_ES; i <= VCPU_GS; i++)
		if (set->seg[i].selector != got->seg[i].selector)
			return "segment selectors";
	return NULL;
}
