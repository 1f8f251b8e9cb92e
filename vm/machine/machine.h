/* SPDX-License-Identifier: MIT */
/*
 * The machine: RAM, an engine with its vCPUs, the devices, and the run state.
 *
 * RAM is one piece below 3 GiB and, when it is larger, a second one from 4 GiB
 * on. The framebuffer of --display is a piece between them. Each piece is a
 * region of the machine's smudge_memory with a source of its own, chosen by
 * --dirty. While no client is open, nothing is tracked and tracking costs
 * nothing.
 *
 * Locks: any thread but the vCPUs' own may call these functions, unless a
 * comment says otherwise. The machine's lock is never held while a callback
 * runs. Guest time (the timer at port 0x608) stands still while the machine is
 * not running.
 *
 * main() calls, in this order: machine_create, machine_load_kernel (unless
 * incoming), machine_start, control_open (control/control.h; handles --qmp and
 * --incoming), run_control_cont (unless -S or incoming), control_serve. It
 * waits on machine_exit_fd or for a signal, then calls control_stop,
 * control_close and machine_destroy.
 */
#ifndef VM_MACHINE_MACHINE_H
#define VM_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ram.h"
#include "devices/device.h"

struct machine;
struct vm_buf;
struct smudge_code;
struct smudge_error;
struct smudge_memory;
struct engine_ops;

#define MACHINE_HOLE_START (UINT64_C(3) << 30)
#define MACHINE_HOLE_END   (UINT64_C(4) << 30)

#define MACHINE_MAX_VCPUS 8

/* The names of machine_run_state_name() are QMP's RunState names. */
enum machine_run_state {
	MACHINE_PRELAUNCH,
	MACHINE_INMIGRATE,
	MACHINE_RUNNING,
	MACHINE_PAUSED,
	MACHINE_SAVE_VM,	/* paused by a checkpoint, for a moment */
	MACHINE_FINISH_MIGRATE, /* paused by an outgoing migration */
	MACHINE_POSTMIGRATE,
	MACHINE_SHUTDOWN,	/* the guest ended itself */
	MACHINE_INTERNAL_ERROR, /* an engine failed; see machine_error */
};

enum machine_exit_reason {
	MACHINE_EXIT_NONE,
	MACHINE_EXIT_DEBUG_PORT, /* status is (value << 1) | 1 */
	MACHINE_EXIT_HALT,	 /* HLT without interrupts: status 0 */
	MACHINE_EXIT_TRIPLE_FAULT,
	MACHINE_EXIT_ERROR,
	MACHINE_EXIT_QUIT,   /* asked for through the control socket */
	MACHINE_EXIT_SIGNAL, /* SIGINT, SIGTERM or SIGHUP */
};

struct machine_config {
	uint64_t memory_bytes;
	const char *engine;  /* auto, kvm, unicorn */
	unsigned int nvcpus; /* 0 counts as 1 */
	const char *dirty;   /* auto, or a name of machine_dirty_name() */
	struct device_config devices;
	bool is_incoming; /* its state will come by a migration */
	bool is_restored; /* its state will come from a checkpoint */
	/*
	 * For tests: stale translations are not invalidated, so a guest that
	 * changes its code by DMA goes wrong.
	 */
	bool ignores_code;
};

/*
 * machine_create - RAM, engine, vCPUs, devices, dirty sources; nothing runs
 * @config: borrowed for the call
 * @ret: written only on success
 *
 * State afterwards: prelaunch, or inmigrate when config->is_incoming is set.
 * Return: 0, or -errno with one sentence in @err.
 */
int machine_create(const struct machine_config *config, struct machine **ret,
		   struct smudge_error *err);

/* Ends the vCPU threads first. No smudge client may be open. NULL is fine. */
void machine_destroy(struct machine *machine);

/* One line for stderr: the engine and the dirty source, and why. */
const char *machine_describe(const struct machine *machine);
const char *machine_engine_name(const struct machine *machine);
/* "kvm-manual", "kvm-legacy", "kvm-ring", "uffd" or "hook". */
const char *machine_dirty_name(const struct machine *machine);

/*
 * machine_load_kernel - load an ELF image and set every vCPU at its entry
 * @path: ELF64, x86-64, ET_EXEC
 * @append: the guest's command line
 * Only in prelaunch. Return: 0, or -errno with one sentence in @err.
 */
int machine_load_kernel(struct machine *machine, const char *path,
			const char *append, struct smudge_error *err);

/* Start the vCPU threads; they wait outside the guest for machine_resume. */
int machine_start(struct machine *machine, struct smudge_error *err);

/*
 * machine_pause - take every vCPU out of the guest
 * @state: the state afterwards: MACHINE_PAUSED, MACHINE_SAVE_VM or
 *         MACHINE_FINISH_MIGRATE
 *
 * For run control, the end of the process, and tests; others use
 * machine/run_control.h. Blocks until all vCPUs are out, their last I/O
 * completed. RAM and machine state do not change until machine_resume.
 * Idempotent: a machine that was not running keeps its state, and the call
 * returns at once.
 * Threads: any; also two at once.
 * Return: true when it was running before.
 */
bool machine_pause(struct machine *machine, enum machine_run_state state);

/*
 * machine_resume - run, from prelaunch, paused, save-vm, finish-migrate,
 * postmigrate, or inmigrate after machine_load_state
 *
 * For run control and tests, as machine_pause.
 * Return: 0 (also when running already), -EINVAL in shutdown, internal-error,
 * and inmigrate without a loaded state.
 */
int machine_resume(struct machine *machine);

/*
 * Blocks until all vCPUs of a machine that does not run are out of the guest:
 * one that ended the machine does not wait for the others. Threads: any.
 */
void machine_wait_until_out(struct machine *machine);

enum machine_run_state machine_run_state(struct machine *machine);
const char *machine_run_state_name(enum machine_run_state state);

/*
 * Change the state of a machine that is not running, for example
 * finish-migrate to postmigrate, or prelaunch to paused.
 * Return: 0, -EBUSY when it runs, -EINVAL for MACHINE_RUNNING.
 */
int machine_set_run_state(struct machine *machine,
			  enum machine_run_state state);

/*
 * The one listener of state changes; NULL removes it. It is called without
 * locks, after the change, on the thread that made it (vCPU threads too), so
 * it must not call machine_pause, machine_resume or machine_destroy. When
 * this returns, the former listener is not running and will not be called.
 */
struct machine_listener {
	void *opaque;
	void (*changed)(void *opaque, enum machine_run_state from,
			enum machine_run_state to);
};
void machine_set_listener(struct machine *machine,
			  const struct machine_listener *listener);

/*
 * Ask the process to end: makes machine_exit_fd readable; the first request
 * counts. Threads: any, vCPU threads and listeners too.
 */
void machine_request_exit(struct machine *machine,
			  enum machine_exit_reason reason, int status);
/* An eventfd, borrowed; readable once an exit was requested. */
int machine_exit_fd(const struct machine *machine);
enum machine_exit_reason machine_exit_reason(struct machine *machine,
					     int *ret_status);
/* The sentence of the engine's failure, "" when there was none. */
const char *machine_error(struct machine *machine);

/* Borrowed, constant after create. */
const struct ram *machine_ram(const struct machine *machine);
uint64_t machine_ram_bytes(const struct machine *machine);
struct framebuffer_mode;

/*
 * machine_framebuffer - the framebuffer of --display, and its mode
 * @ret_mode: what the guest shows now; written only when there is a display
 * @ret_generation: changes with the mode; may be NULL
 * Return: the piece that holds it, or NULL without a display.
 */
const struct ram_piece *machine_framebuffer(struct machine *machine,
					    struct framebuffer_mode *ret_mode,
					    uint64_t *ret_generation);

/* A key for the guest. False: no display, or its queue is full. */
bool machine_framebuffer_key(struct machine *machine, uint32_t keysym,
			     bool is_down);

/*
 * The dirty memory of this machine, borrowed: its regions are the RAM pieces,
 * sources attached. Open clients on it; close them before machine_destroy.
 */
struct smudge_memory *machine_memory(const struct machine *machine);

/*
 * The engine's translated code, as smudge watches it, for statistics;
 * borrowed. NULL when the engine translates nothing.
 */
struct smudge_code *machine_code(const struct machine *machine);

/*
 * machine_save_state - append vCPU and device state to @buf
 *
 * Sections {u32 name length, name, u32 version, u32 length, payload}, after
 * a u32 count, all little-endian. The same on every engine. Only while the
 * machine is not running. Return: 0, -EBUSY when running, -ENOMEM, or an
 * engine's -errno, with one sentence in @err.
 */
int machine_save_state(struct machine *machine, struct vm_buf *buf,
		       struct smudge_error *err);

/*
 * machine_load_state - check and load what machine_save_state wrote
 * @bytes, @len: from a peer; hostile
 *
 * Everything is decoded and checked before anything is changed, so a refused
 * state leaves the machine as it was. Does not change the run state. RAM
 * must be in place before (an engine may look at page tables).
 * Return: 0, -EBUSY when running, -EINVAL with one sentence in @err, or an
 * engine's -errno (the machine then refuses to resume from inmigrate).
 */
int machine_load_state(struct machine *machine, const uint8_t *bytes,
		       size_t len, struct smudge_error *err);

#endif
