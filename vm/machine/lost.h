/* SPDX-License-Identifier: MIT */
/*
 * Memory that comes in while the guest runs, and may not come in.
 *
 * What does not come in is inaccessible (base/lost_memory.h says what happens
 * to a thread that touches it). Code that reads guest memory, and lets out what
 * it read, asks machine_check_memory in between.
 *
 * Threads: any but the vCPUs' own.
 */
#ifndef VM_MACHINE_LOST_H
#define VM_MACHINE_LOST_H

#include <stdbool.h>

struct machine;
struct smudge_error;

/* Called on vCPU threads, without locks. */
struct machine_memory_check {
	void *opaque;
	/* True: memory is missing for good; @why receives a sentence. */
	bool (*failure)(void *opaque, struct smudge_error *why);
};

/* NULL: all memory is here. It may be called until this returns. */
void machine_set_memory_check(struct machine *machine,
			      const struct machine_memory_check *check);

/*
 * machine_lose_memory - memory is missing for good
 * @why: the state becomes internal-error; NULL: the process ends, and the state
 *      stays
 *
 * Blocks: until all vCPUs are out of the guest. None enters it again.
 */
void machine_lose_memory(struct machine *machine,
			 const struct smudge_error *why);

/* Return: 0, or -EIO with one sentence: what was read may be wrong. */
int machine_check_memory(struct machine *machine, struct smudge_error *err);

#endif
