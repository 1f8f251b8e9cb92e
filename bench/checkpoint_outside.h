/* SPDX-License-Identifier: MIT */
/*
 * What the cases of checkpoints from outside share.
 */
#ifndef BENCH_CHECKPOINT_OUTSIDE_H
#define BENCH_CHECKPOINT_OUTSIDE_H

#include <sys/types.h>

/* Let it beat once more, so that a gap has ended. */
void checkpoint_settle(void);

/*
 * checkpoint_gcore - have gdb's gcore write a core of a process
 * Return: whether it did it.
 */
int checkpoint_gcore(pid_t pid);

#endif
