/* SPDX-License-Identifier: MIT */
/*
 * A process by the means of target.h.
 */
#include "process/open.h"

#include "sys/log.h"

static const struct smi_process_means means = {
	.open = smi_target_open,
	.close = smi_target_close,
	.has_ended = smi_target_has_ended,
	.attach = smi_target_attach,
	.while_stopped = smi_target_while_stopped,
};

int smudge_process_open(struct smudge_memory *memory, pid_t pid,
			const struct smudge_process_options *options,
			struct smudge_process **ret_process,
			struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	return smi_process_open(memory, pid, options, &means, ret_process, err);
}
