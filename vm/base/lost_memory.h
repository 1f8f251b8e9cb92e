/* SPDX-License-Identifier: MIT */
/*
 * Guest memory that is lost: a lazy restore could not bring it in, and made it
 * inaccessible.
 *
 * A thread of this process that comes to such a page gets SIGSEGV. No wrong
 * byte may leave the process by it, and it must not wait for ever, since it may
 * have locks that the end of the process needs:
 *
 *   - inside lost_memory_try it leaves its work in the middle. vCPU threads do
 *     that, and what has no locks of others.
 *   - elsewhere (threads of the library, viewers) it waits for
 *     lost_memory_release. Then all guest memory is zeros, and it continues.
 *     Before, every use of what it reads was given up: no vCPU runs any more,
 *     checkpoints and a migration are cancelled, and viewers get no picture.
 *
 * One machine per process. A static, since a signal handler finds no other way.
 */
#ifndef VM_BASE_LOST_MEMORY_H
#define VM_BASE_LOST_MEMORY_H

#include <stdbool.h>

struct ram;
struct smudge_error;

/*
 * lost_memory_watch - from now on SIGSEGV in this memory is handled
 * @ram: borrowed until lost_memory_forget
 *
 * Before other threads touch the memory. Other faults end the process as
 * before. Return: 0, or -errno with one sentence.
 */
int lost_memory_watch(const struct ram *ram, struct smudge_error *err);

/* All memory is here. Threads: any. */
void lost_memory_forget(void);

/*
 * lost_memory_try - do work that touches guest memory
 *
 * False: it came to a lost page, and was left there. So @work takes no lock and
 * owns nothing while it touches guest memory. Not one inside another.
 */
bool lost_memory_try(void (*work)(void *opaque), void *opaque);

/* Those that wait continue, and find zeros. Threads: any; again is a no-op. */
void lost_memory_release(void);

#endif
