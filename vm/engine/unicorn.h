/* SPDX-License-Identifier: MIT */
/*
 * Shared between the Unicorn engine's files: running vCPUs (engine/unicorn.c),
 * opening Unicorn (engine/unicorn_open.c), vCPU state
 * (engine/unicorn_state.c), which states Unicorn emulates
 * (engine/unicorn_accept.c), what guests do that it does not emulate
 * (engine/unicorn_unemulated.c) and stale translations
 * (engine/unicorn_code.c).
 */
#ifndef VM_ENGINE_UNICORN_H
#define VM_ENGINE_UNICORN_H

#include <stdatomic.h>
#include <stdbool.h>

#include <smudge/code.h>
#include <smudge/error.h>

#include "engine/engine.h"
#include "engine/unicorn_library.h"

struct engine {
	const struct ram *ram; /* borrowed */
	struct engine_ports ports;
	uc_err (*add_hooks)(struct engine_vcpu *vcpu); /* at each open */
	struct engine_write_hook hook;		       /* wrote == NULL: off */
	struct engine_vcpu *vcpus;		       /* linked by next */
	uint8_t *tables;	 /* the loader's; NULL without RAM */
	uint64_t tables_end_gpa; /* they begin at BOOT_TABLES_GPA */
};

#define ENGINE_MAX_NEW_BLOCKS	 512
#define ENGINE_MAX_INVALIDATIONS 512
#define ENGINE_CODE_PAGES	 32768

struct engine_piece {
	uint64_t gpa;
	uint64_t length_bytes;
};

/* The vCPU's thread alone uses it, but for is_reopened. */
struct engine_code {
	struct smudge_code *handle; /* NULL: code is not watched */
	/* translated since the last sync; the run ends when one is left */
	struct engine_piece new_blocks[ENGINE_MAX_NEW_BLOCKS + 1];
	size_t nnew_blocks;
	uint64_t since;		   /* the last sync, for smudge_code_add */
	struct engine_piece entry; /* the block that a run began with */
	bool is_entered;
	bool is_first_run; /* the last one was, of its uc_engine */
	/* to be carried out before the guest runs */
	struct engine_piece invalidations[ENGINE_MAX_INVALIDATIONS];
	size_t ninvalidations;
	bool invalidates_all;
	atomic_bool is_reopened; /* there are no translations any more */
};

struct engine_vcpu {
	struct engine *engine;
	struct engine_vcpu *next;
	uc_engine *uc; /* one per vCPU, on the same RAM */
	bool has_run;
	atomic_bool is_kicked;
	bool is_stopping; /* stopped by block_starts at shadow.rip */
	bool has_work;	  /* of a device, to be completed */
	/* code != 0: the guest did what Unicorn does not emulate */
	struct smudge_error unemulated;
	struct engine_code code;
	/* the last store seen by the hook, not yet reported */
	uint64_t stored_gpa;
	uint32_t stored_bytes;
	/*
	 * With the hook: pages of code that was run, a bit each, by their
	 * number modulo ENGINE_CODE_PAGES; and after a store to one, at which
	 * block's start from there the run ends.
	 */
	uint64_t code_pages[ENGINE_CODE_PAGES / 64];
	unsigned int nblocks_left;
	/* the state set last: Unicorn does not return all hidden parts */
	struct vcpu_state shadow;
};

/* Open Unicorn, map RAM, install hooks; closes what was open before. */
int engine_unicorn_open(struct engine_vcpu *vcpu, struct smudge_error *err);

int engine_unicorn_get_state(struct engine_vcpu *vcpu, struct vcpu_state *ret,
			     struct smudge_error *err);
/* Set a state that get_state returned, in a new Unicorn. */
int engine_unicorn_restore(struct engine_vcpu *vcpu,
			   const struct vcpu_state *state,
			   struct smudge_error *err);
int engine_unicorn_set_state(struct engine_vcpu *vcpu,
			     const struct vcpu_state *state,
			     struct smudge_error *err);

/*
 * engine_unicorn_make_tables - keep a copy of the loader's page tables
 *
 * Unicorn 2.0.1 does not translate addresses, so the guest's tables must stay
 * the one-to-one map that the loader wrote.
 * Return: 0, or -ENOMEM with one sentence.
 */
int engine_unicorn_make_tables(struct engine *engine, struct smudge_error *err);
/* Map a piece of RAM; the page tables in it are not writable. */
uc_err engine_unicorn_map(struct engine_vcpu *vcpu,
			  const struct ram_piece *piece);
/*
 * Add the hooks that end the run, with vcpu->unemulated, at a store to the
 * page tables and at SYSCALL.
 */
uc_err engine_unicorn_hook_unemulated(struct engine_vcpu *vcpu);
/* Inside a run, at a block's start: did CR3 change? See vcpu->unemulated. */
bool engine_unicorn_has_other_tables(struct engine_vcpu *vcpu);
/* After an exception that was not delivered. True: the sentence is in @err. */
bool engine_unicorn_has_handlers(const struct engine_vcpu *vcpu,
				 struct smudge_error *err);
/*
 * Return: 0 when CR3 and the tables in RAM are the loader's, or -EOPNOTSUPP
 * with one sentence that names the first entry that is not.
 */
int engine_unicorn_check_tables(const struct engine *engine, uint64_t cr3,
				struct smudge_error *err);

/*
 * The hidden part that Unicorn gives a segment register when @selector is
 * loaded, for a guest in 64-bit mode at privilege 0.
 * Return: 0, or -EOPNOTSUPP with one sentence (the GDT has no such segment).
 */
int engine_unicorn_derive(const struct engine *engine,
			  const struct vcpu_table *gdt, uint16_t selector,
			  struct vcpu_segment *ret, struct smudge_error *err);
/*
 * engine_unicorn_accept - can Unicorn continue with this state?
 *
 * RAM is in place. Called before anything is set: with page tables or
 * descriptors that are not there, setting a register would crash Unicorn.
 * Return: 0, or -EOPNOTSUPP with one sentence that names what differs.
 */
int engine_unicorn_accept(const struct engine *engine,
			  const struct vcpu_state *state,
			  struct smudge_error *err);
/* The name of the first field that differs between @set and @got, or NULL. */
const char *engine_unicorn_difference(const struct vcpu_state *set,
				      const struct vcpu_state *got);

/* Inside a run: it entered the guest with this block. */
void engine_unicorn_enters(struct engine_vcpu *vcpu, uint64_t gpa,
			   uint64_t length_bytes);
/* Add the hook that notes new blocks, if code is watched. */
uc_err engine_unicorn_hook_code(struct engine_vcpu *vcpu);
/* Carry the invalidations out, before the guest runs. */
int engine_unicorn_invalidate(struct engine_vcpu *vcpu,
			      struct smudge_error *err);
/*
 * The vCPU has a new Unicorn, without translations. Any thread, while the vCPU
 * is out.
 */
void engine_unicorn_reopened(struct engine_vcpu *vcpu);

int engine_unicorn_watch_code(struct engine *engine,
			      struct smudge_memory *memory,
			      struct smudge_error *err);
void engine_unicorn_sync(struct engine_vcpu *vcpu);
struct smudge_code *engine_unicorn_code(const struct engine *engine);

#endif
