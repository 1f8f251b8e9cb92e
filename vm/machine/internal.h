/* SPDX-License-Identifier: MIT */
/*
 * The machine's inside, shared by the files of machine/ only.
 *
 * `lock` guards every field under "run state". Lock order: run control's lock
 * is outermost, the devices' innermost; listener_lock is never taken while
 * `lock` is held, nor the other way round.
 */
#ifndef VM_MACHINE_INTERNAL_H
#define VM_MACHINE_INTERNAL_H

#include <pthread.h>

#include <smudge/error.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "devices/devices.h"
#include "engine/engine.h"
#include "machine/lost.h"
#include "machine/machine.h"
#include "machine/run_control.h"

struct machine_vcpu {
	struct machine *machine;
	struct engine_vcpu *engine_vcpu;
	pthread_t thread;
	bool is_started;
	bool is_inside;	 /* run state: in vcpu_run */
	bool is_halted;	 /* run state: it enters no more */
	uint64_t synced; /* run state: the generation that it was synced in */
};

/* What --dirty chose; sources[i] is NULL where the hook marks. */
struct machine_dirty {
	const char *name;
	struct smudge_memory *memory;
	struct smudge_source *sources[RAM_MAX_PIECES];
	unsigned int hook_users; /* started hook sources, under `lock` */
};

/* What may start and stop the machine; run_control.c. */
struct run_control {
	pthread_mutex_t lock; /* guards all below */
	enum guest_place place;
	enum machine_run_state state_before; /* before it was on its way */
	bool was_running;		     /* likewise */
	bool stops_on_arrival;
	bool is_held; /* by a checkpoint */
	bool is_ending;
	pthread_cond_t released; /* is_held became false */
};

struct machine {
	struct ram ram;
	const struct engine_ops *ops;
	struct engine *engine;
	struct machine_vcpu vcpus[MACHINE_MAX_VCPUS];
	unsigned int nvcpus;
	struct devices devices;
	struct machine_dirty dirty;
	char description[512];
	int exit_fd;

	struct run_control control;

	pthread_mutex_t lock;
	pthread_cond_t entered_or_left; /* any change of the run state */
	/* run state: */
	enum machine_run_state state;
	unsigned int quiesced; /* > 0: vCPUs stay out, whatever the state */
	uint64_t generation;   /* changes when others may have written */
	bool is_memory_lost;   /* they stay out for good */
	struct machine_memory_check memory_check;
	bool is_ending;
	bool is_loadable; /* inmigrate: a state was loaded, so it may run */
	enum machine_exit_reason exit_reason;
	int exit_status;
	struct smudge_error error;

	pthread_mutex_t listener_lock;
	struct machine_listener listener;
};

int machine_vcpus_start(struct machine *machine, struct smudge_error *err);
void machine_vcpus_end(struct machine *machine);

/*
 * Keep the vCPUs out of the guest for a moment; the run state does not change.
 */
void machine_quiesce(struct machine *machine);
void machine_unquiesce(struct machine *machine);

/* False: the vCPUs are out of the guest, or are to leave it. */
bool machine_may_enter(struct machine *machine);

/* From a vCPU's thread: the guest ended itself. */
void machine_ended(struct machine *machine, enum machine_run_state state,
		   enum machine_exit_reason reason, int status);

/*
 * With the lock held: the state is internal-error, and the vCPUs are kicked.
 * The first error stays. Return: the former state.
 */
enum machine_run_state machine_fail_locked(struct machine *machine,
					   const struct smudge_error *why);

/* listener.c: call the listener; without locks. */
void machine_notify(struct machine *machine, enum machine_run_state from,
		    enum machine_run_state to);

/*
 * machine_dirty_attach - regions for the RAM pieces, and their sources
 * @kind: --dirty's value; auto is the first of the engine's ways that works:
 *        kvm-manual, kvm-legacy, uffd on kvm; uffd, hook on unicorn
 *
 * Return: 0, or -errno with one sentence; nothing is attached then.
 */
int machine_dirty_attach(struct machine *machine, const char *kind,
			 struct smudge_error *err);
void machine_dirty_detach(struct machine *machine);

/* dirty_hook.c: a source fed by the engine's store hook. */
int dirty_hook_create(struct machine *machine, struct smudge_source **ret,
		      struct smudge_error *err);

#endif
