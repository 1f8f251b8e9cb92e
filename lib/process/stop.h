/* SPDX-License-Identifier: MIT */
/*
 * A process that stands: all its threads are traced and stopped.
 */
#ifndef LIB_PROCESS_STOP_H
#define LIB_PROCESS_STOP_H

#include <stdint.h>

#include <smudge/error.h>

#include "process/target.h"
#include "process/threads.h"

struct smi_stop {
	const struct smi_target *target;
	struct smi_threads threads;
	uint64_t timeout_ns; /* for all to stand, without stalls of our own */
};

/*
 * smi_stop_all - stop every thread; in the guardian
 *
 * They are let go by the end of the guardian, all in one step of the kernel:
 * one after the other, a signal could come to those that run already because
 * another is still traced, and interrupt their calls (gather.c).
 * Return: 0, or -errno as of smi_target_while_stopped.
 */
int smi_stop_all(struct smi_stop *stop, struct smudge_error *err);

/*
 * The guardian that was to stop it failed: its -errno, with one sentence.
 * Return: @code.
 */
int smi_stop_not_made(int code, struct smudge_error *err);

/* How long it stands that was interrupted then; 0: it was not. */
uint64_t smi_stop_time_ns(uint64_t begun_ns);

#endif
