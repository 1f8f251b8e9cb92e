/* SPDX-License-Identifier: MIT */
/*
 * Who may write undetected: other processes, and what the process has itself.
 */
#include "process/writers.h"

#include <errno.h>

#include "process/attachment.h"
#include "sys/error.h"
#include "sys/guard.h"
#include "sys/space.h"

#define WHERE "process"

static int check(const struct smudge_process *process, struct smudge_error *err)
{
	int ret = process->attachment ? smi_attachment_check(process, err)
				      : -ESTALE;

	if (ret != -ESTALE)
		return ret;
	return smudge_error_set(err, -ESRCH, WHERE,
				"process %d executes another program: harvest "
				"first, which attaches to it",
				(int)process->pid);
}

int smudge_process_each_writer(
	struct smudge_process *process,
	void (*each)(void *opaque, const struct smudge_process_writer *writer),
	void *opaque, struct smudge_error *err)
{
	struct smi_writers writers = {
		.process = process, .each = each, .opaque = opaque};
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_space_check(process->space, WHERE, "process", err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&process->lock);
	ret = check(process, err);
	if (ret == 0)
		ret = smi_writers_of_own(&writers, err);
	if (ret == 0)
		ret = smi_writers_of_views(&writers, err);
	if (ret == 0)
		ret = smi_writers_of_others(&writers, err);
	return ret < 0 ? ret : writers.nunreadable;
}
