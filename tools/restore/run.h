/* SPDX-License-Identifier: MIT */
/*
 * This process becomes the QEMU that continues.
 */
#ifndef TOOLS_RESTORE_RUN_H
#define TOOLS_RESTORE_RUN_H

#include "restore/plan.h"

struct smudge_error;

/*
 * restore_run_check - can the command line be run at all?
 * Return: 0, or -errno with one sentence.
 */
int restore_run_check(const struct restore_plan *plan,
		      struct smudge_error *err);

/*
 * restore_run - become QEMU
 *
 * A process of its own, which is no child of QEMU, tells it over a monitor what
 * to load, says on stderr how that ended, and ends. It ends QEMU by SIGKILL
 * where the guest cannot continue.
 * Return: never; or -errno with one sentence, while the restored files stay.
 */
int restore_run(struct restore_plan *plan, struct smudge_error *err);

#endif
