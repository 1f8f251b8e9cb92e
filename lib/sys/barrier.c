/* SPDX-License-Identifier: MIT */
/*
 * membarrier(2), private and expedited: the kernel interrupts the processors
 * that run threads of this process; threads that do not run passed a full
 * barrier when they were switched out. errno is left as it was, since marks
 * and takes are called from places that do not expect it to change.
 */
#include "sys/barrier.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

static bool membarrier_does(int command)
{
	int saved = errno;
	long ret = syscall(SYS_membarrier, command, 0, 0);

	errno = saved;
	return ret == 0;
}

bool smi_sys_barrier_register(void)
{
	return membarrier_does(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

bool smi_sys_barrier(void)
{
	/*
	 * Seq_cst, pairs with nothing elsewhere: a process with one thread is
	 * answered without a barrier, and the compiler must not move either.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (membarrier_does(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return true;
	/* Not registered: after an execve, or by a caller that forgot. */
	return smi_sys_barrier_register() &&
	       membarrier_does(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
