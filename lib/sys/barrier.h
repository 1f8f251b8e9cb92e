/* SPDX-License-Identifier: MIT */
/*
 * A memory barrier in every thread of the process, paid by the caller only.
 *
 * It is one half of an asymmetric Dekker handshake. The frequent side does
 * "store data; compiler barrier; load flag", without a fence. The rare side
 * does "clear flag; smi_sys_barrier(); read data". Either the load saw the
 * flag cleared, or the data of that thread is visible to the rare side.
 *
 * State lives in the kernel, with the process's address space: fork(2)
 * inherits it, execve(2) drops it.
 */
#ifndef SMUDGE_SYS_BARRIER_H
#define SMUDGE_SYS_BARRIER_H

#include <stdbool.h>

/*
 * smi_sys_barrier_register - make the process ready for smi_sys_barrier
 *
 * Idempotent; about 10 us the first time a process with threads calls it.
 * Blocks: on the kernel. Threads: any.
 * Return: false when the kernel (before 4.14) or a filter has no expedited
 * membarrier(2); the frequent side needs fences of its own then.
 */
bool smi_sys_barrier_register(void);

/*
 * smi_sys_barrier - every running thread of the process passes a full barrier
 *
 * A full barrier for the calling thread too, before and after. Keeps errno.
 * Blocks: for one interrupt to each processor that runs the process.
 * Threads: any, after smi_sys_barrier_register returned true.
 * Return: true; false only if a filter installed since forbids the call, and
 * then other threads' stores may not be visible yet.
 */
bool smi_sys_barrier(void);

#endif
