/* SPDX-License-Identifier: MIT */
/*
 * Shared between the Unicorn engine's files: running vCPUs
 * (engine_unicorn.c), their state (engine_unicorn_state.c) and their stale
 * translations (engine_unicorn_code.c).
 */
#ifndef VM_ENGINE_UNICORN_H
#define VM_ENGINE_UNICORN_H

#include <stdbool.h>
#include <unicorn/unicorn.h>

#include <smudge/code.h>

#include "engine.h"

struct engine {
	const struct machine_ram *ram; /* borrowed */
	size_t nram;
	struct engine_ports ports;
	struct engine_write_hook hook; /* wrote == NULL: off */
	struct engine_vcpu *vcpus;     /* linked by next */
};

#define ENGINE_MAX_FRESH 512
#define ENGINE_MAX_DROPS 512

struct engine_piece {
	uint64_t gpa;
	uint64_t length_bytes;
};

/* The vCPU's thread alone uses it, but for is_reopened. */
struct engine_code {
	struct smudge_code *handle; /* NULL: nobody asks */
	/* translated since the last settle, and one more than makes it full */
	struct engine_piece fresh[ENGINE_MAX_FRESH + 1];
	size_t nfresh;
	uint64_t since;		   /* the last settle, for smudge_code_add */
	struct engine_piece entry; /* the block that a run began with */
	bool is_entered;
	bool is_first_run; /* the last one was, of its uc_engine */
	/* to be dropped before the guest runs */
	struct engine_piece drops[ENGINE_MAX_DROPS];
	size_t ndrops;
	bool drops_all;
	bool is_reopened; /* atomic: there are no translations any more */
};

struct engine_vcpu {
	struct engine *engine;
	struct engine_vcpu *next;
	uc_engine *uc; /* one per vCPU, on the same RAM */
	bool has_run;
	bool is_kicked;	  /* atomic */
	bool is_stopping; /* stopped by block_starts at shadow.rip */
	bool has_work;	  /* of a device, to be completed */
	struct engine_code code;
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

/*
 * A run entered the guest with this block. Inside.
 */
void engine_unicorn_enters(struct engine_vcpu *vcpu, uint64_t gpa,
			   uint64_t length_bytes);
/* Add the hook that notes new blocks, if anybody asks. */
uc_err engine_unicorn_hook_code(struct engine_vcpu *vcpu);
/* Carry the drops out: before the guest runs. */
int engine_unicorn_drop(struct engine_vcpu *vcpu, struct smudge_error *err);
/* The vCPU has a new Unicorn. Any thread, while the vCPU is out. */
void engine_unicorn_reopened(struct engine_vcpu *vcpu);

int engine_unicorn_watch_code(struct engine *engine,
			      struct smudge_memory *memory,
			      struct smudge_error *err);
void engine_unicorn_settle(struct engine_vcpu *vcpu);
struct smudge_code *engine_unicorn_code(const struct engine *engine);

#endif
