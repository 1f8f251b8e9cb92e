/* SPDX-License-Identifier: MIT */
/*
 * A memory barrier in every thread of the process, paid by the caller only.
 *
 * It is one half of an asymmetric Dekker handshake. The frequent side does
 * "store data; compiler barrier; load flag", without a fence. The rare side
 * does "clear flag; smi_sys_barrier(); read data". Either the load saw the
 * flag cleared, or the data of that thread is visible to the rare side.
 *
 * A system call filter may forbid membarrier(2) at any moment. Then the rare
 * side makes the frequent side fence from now on, and needs one more barrier
 * for what was stored before: smi_sys_barrier_slow. Until that barrier
 * succeeds, the data may not be visible.
 *
 * State lives in the kernel, with the process's address space: fork(2)
 * inherits it, execve(2) drops it. Nothing here needs memory, and errno is
 * kept.
 */
#ifndef LIB_SYS_BARRIER_H
#define LIB_SYS_BARRIER_H

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
 * A full barrier for the calling thread too, before and after.
 * Blocks: for one interrupt to each processor that runs the process.
 * Threads: any, after smi_sys_barrier_register returned true.
 * Return: true; false if a filter installed since forbids membarrier(2), and
 * then other threads' stores may not be visible yet.
 */
bool smi_sys_barrier(void);

/*
 * smi_sys_barrier_slow - the same barrier without membarrier(2)
 *
 * Tries smi_sys_barrier_shootdown, then smi_sys_barrier_walk. Blocks: as these.
 * Threads: any.
 * Return: false if neither works here. It may be tried again.
 */
bool smi_sys_barrier_slow(void);

/*
 * smi_sys_barrier_shootdown - a barrier by TLB shootdown
 *
 * When a page that was just written becomes read-only, the kernel interrupts
 * all processors that run threads of this process, and waits for them. Only x86
 * uses interrupts, and not everywhere: see docs/kernel-support.md. Blocks: for
 * these interrupts. Threads: any; one at a time is served, the others get
 * false.
 * Return: false where it is no barrier, or where mprotect(2) fails.
 */
bool smi_sys_barrier_shootdown(void);

/*
 * smi_sys_barrier_walk - a barrier by running on every processor
 *
 * The calling thread moves to each online processor in turn, so that each
 * switches from whatever it ran, and a switch is a full barrier. Its affinity
 * is restored; if another thread changes it meanwhile, that change is lost.
 * Blocks: until this thread has run on every processor. Threads: any.
 * Return: false if it may not run on all that are online (a cpuset), or the
 * kernel does not say which are.
 */
bool smi_sys_barrier_walk(void);

#endif
