/* SPDX-License-Identifier: MIT */
/*
 * A place in the course of a stop or a harvest. Tests end or stop the tracer,
 * or change the process, at each of them; otherwise nothing is called.
 */
#ifndef LIB_PROCESS_STEP_H
#define LIB_PROCESS_STEP_H

/* NULL, or what a test wants called, in the process that makes the step. */
extern void (*smi_step_hook)(const char *step);

static inline void smi_step(const char *step)
{
	if (smi_step_hook)
		smi_step_hook(step);
}

#endif
