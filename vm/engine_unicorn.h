/* SPDX-License-Identifier: MIT */
/*
 * Shared between the Unicorn engine's files: running vCPUs
 * (engine_unicorn.c) and their state (engine_unicorn_state.c).
 */
#ifndef VM_ENGINE_UNICORN_H
#define VM_ENGINE_UNICORN_H

#include <stdbool.h>
#include <unicorn/unicorn.h>

#include "engine.h"

struct engine {
	const struct machine_ram *ram; /* borrowed */
	size_t nram;
	struct engine_ports ports;
	struct engine_write_hook hook; /* wrote == NULL: off */
	struct engine_vcpu *vcpus;     /* linked by next */
};

struct engine_vcpu {
	struct engine *engine;
	struct engine_vcpu *next;
	uc_engine *uc; /* one per vCPU, on the same RAM */
	bool has_run;
	bool is_kicked;	  /* atomic */
	bool is_stopping; /* stopped by block_starts at shadow.rip */
	/* the last store seen by the hook, not yet reported */
	uint64_t stored_gpa;
	uint32_t stored_bytes;
	/*
	 * What was set last: Unicorn keeps neither the hidden parts of
	 * segment registers in 64-bit mode nor every system register.
	 */
	struct vcpu_state shadow;
};

/* Open Unicorn, map RAM, install hooks; closes what was open before. */
int engine_unicorn_open(struct engine_vcpu *vcpu, struct smudge_error *err);

int engine_unicorn_get_state(struct engine_vcpu *vcpu, struct vcpu_state *ret,
			     struct smudge_error *err);
/* Without a look at the mode or at old translations. */
int engine_unicorn_restore(struct engine_vcpu *vcpu,
			   const struct vcpu_state *state,
			   struct smudge_error *err);
int engine_unicorn_set_state(struct engine_vcpu *vcpu,
			     const struct vcpu_state *state,
			     struct smudge_error *err);

#endif
