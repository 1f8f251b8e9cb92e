/* SPDX-License-Identifier: MIT */
/*
 * May this process be stopped? Only /proc is asked; one sentence per reason.
 */
#ifndef LIB_PROCESS_CHECK_H
#define LIB_PROCESS_CHECK_H

#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

/*
 * smi_check_process - what smi_target_open checks before it opens anything
 * @ret_start_time: receives when it began, in clock ticks since boot
 *
 * Return: 0, or -errno as of smi_target_open.
 */
int smi_check_process(pid_t pid, uint64_t *ret_start_time,
		      struct smudge_error *err);

#endif
