/* SPDX-License-Identifier: MIT */
/*
 * May a save continue?
 */
#include "checkpoint/save.h"

#include <errno.h>

#include "sys/clock.h"

int smi_save_check(struct smi_save *save, struct smudge_error *err)
{
	/* Acquire pairs with the release in set_failed: why is written. */
	int failed = atomic_load_explicit(&save->failed, memory_order_acquire);

	if (failed) {
		*err = save->why;
		return failed;
	}
	if (atomic_load_explicit(&save->is_cancelled, memory_order_relaxed))
		return smudge_error_set(err, -ECANCELED, SMI_WHERE,
					"the save was cancelled");
	return 0;
}

int smi_save_check_pause(struct smi_save *save, struct smudge_error *err)
{
	int ret = smi_save_check(save, err);

	if (ret < 0)
		return ret;
	if (save->deadline_ns && smi_sys_now_ns() > save->deadline_ns)
		return smudge_error_set(err, -ETIMEDOUT, SMI_WHERE,
					"the pause was longer than its "
					"deadline allows");
	return 0;
}
