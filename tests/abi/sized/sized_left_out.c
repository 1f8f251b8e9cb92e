/* SPDX-License-Identifier: MIT */
/*
 * Calls that this kernel or machine cannot be asked for.
 */
#include "sized.h"

#include <errno.h>

static void leave_out_kvm(void)
{
	if (!world.kvm)
		sized_calls[CALL_smudge_kvm_log_create_smudge_kvm_slot]
			.why_not = "there is no KVM here";
	if (world.kvm_ring)
		return;
	sized_calls[CALL_smudge_kvm_ring_slot_smudge_kvm_slot].why_not =
		"KVM has no rings here";
	sized_calls[CALL_smudge_kvm_ring_stats_smudge_kvm_ring_stats].why_not =
		"KVM has no rings here";
}

/* A kernel without soft-dirty bits refuses good options, and bad ones too. */
static void leave_out_soft_dirty(void)
{
	struct sized_call *c =
		&sized_calls
			[CALL_smudge_soft_dirty_create_smudge_soft_dirty_options];

	if (sized_call_with(c, 0) == -EOPNOTSUPP)
		c->why_not = "this kernel has no soft-dirty bits";
}

static void leave_out_pager(void)
{
	struct sized_call *create =
		&sized_calls[CALL_smudge_pager_create_smudge_pager_options];
	struct sized_call *stats =
		&sized_calls[CALL_smudge_pager_stats_smudge_pager_stats];

	if (sized_call_with(create, 0) == 0)
		return;
	create->why_not = "there is no userfaultfd here";
	stats->why_not = create->why_not;
}

void sized_leave_out(void)
{
	leave_out_kvm();
	leave_out_pager();
	leave_out_soft_dirty();
}
