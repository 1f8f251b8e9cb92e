/* SPDX-License-Identifier: MIT */
/*
 * A process that stands while our program continues: a keeper holds it, which
 * lets it go when it is told to, and when our process ends or executes another
 * program. If the keeper is killed, the kernel lets it go.
 *
 * The registers of its threads are read as soon as it stands, by the keeper,
 * since only the tracer may.
 */
#ifndef LIB_PROCESS_HOLD_H
#define LIB_PROCESS_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/process.h>

#include "process/target.h"

struct smi_hold;

/*
 * smi_hold_begin - stop every thread of a process, and keep it so
 * @target: borrowed until this returns
 * @timeout_ms: as of smi_target_while_stopped
 * @ret_hold: receives it; ended by smi_hold_end
 * @ret_stopped_ns: after a failure, how long the process stood
 *
 * Blocks: up to @timeout_ms, and some us for each thread. Threads: one at a
 * time per target, and with smi_target_while_stopped.
 * State after failure, and return: as of smi_target_while_stopped.
 */
int smi_hold_begin(struct smi_target *target, unsigned int timeout_ms,
		   struct smi_hold **ret_hold, uint64_t *ret_stopped_ns,
		   struct smudge_error *err);

/*
 * Has it stood until now? What the process's memory was found to be before this
 * returned true, it was at one moment.
 */
bool smi_hold_stands(const struct smi_hold *hold);

/* How long it has stood. */
uint64_t smi_hold_stopped_ns(const struct smi_hold *hold);

/* Of each thread, as it was when the process stopped. */
void smi_hold_each_thread(const struct smi_hold *hold,
			  void (*each)(void *opaque,
				       const struct smudge_process_thread *t),
			  void *opaque);

/*
 * smi_hold_end - let it go
 * @ret_stopped_ns: how long it stood
 *
 * Blocks: until all threads run. Return: 0, -EIO (it was let go before).
 */
int smi_hold_end(struct smi_hold *hold, uint64_t *ret_stopped_ns);

#endif
