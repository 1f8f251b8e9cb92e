/* SPDX-License-Identifier: MIT */
/*
 * A processor for which smudge cannot let a process go unhurt.
 */
#include "process/arch.h"

#include <errno.h>

static int refuse(struct smudge_error *err)
{
	return smudge_error_set(err, -EOPNOTSUPP, "process",
				"other processes are tracked on x86-64 only");
}

int smi_arch_check(pid_t pid, struct smudge_error *err)
{
	(void)pid;
	return refuse(err);
}

void smi_arch_repair(pid_t pid, pid_t tid)
{
	(void)pid;
	(void)tid;
}

bool smi_arch_may_be_interrupted(pid_t pid, pid_t tid)
{
	(void)pid;
	(void)tid;
	return true;
}

int smi_arch_read_registers(pid_t tid, char *to, size_t room_bytes,
			    struct smi_arch_registers *ret_sets)
{
	(void)tid;
	(void)to;
	(void)room_bytes;
	(void)ret_sets;
	return -EOPNOTSUPP;
}

int smi_arch_check_uffd(struct smi_target *target, struct smudge_error *err)
{
	(void)target;
	return refuse(err);
}

int smi_arch_make_uffd(struct smi_stop *stop, int *ret_uffd,
		       struct smudge_error *err)
{
	(void)stop;
	(void)ret_uffd;
	return refuse(err);
}
