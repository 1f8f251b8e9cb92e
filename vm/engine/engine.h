/* SPDX-License-Identifier: MIT */
/*
 * What runs guest code: the table of operations that each engine fills in.
 *
 * An engine owns only its own handles: RAM, devices and threads are the
 * machine's. When vcpu_run() returns, the vCPU is between two instructions and
 * its last port access is complete, so vcpu_get_state() is always exact.
 * vcpu_run() answers port accesses through the machine's port callbacks, on the
 * vCPU's thread.
 *
 * Of vcpu_run, vcpu_get_state and vcpu_set_state of one vCPU only one is called
 * at a time; any thread may call vcpu_kick at any time.
 */
#ifndef VM_ENGINE_ENGINE_H
#define VM_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ram.h"
#include "engine/vcpu_state.h"

struct smudge_code;
struct smudge_error;
struct smudge_memory;
struct smudge_source;

enum engine_exit {
	ENGINE_EXIT_INTERRUPTED, /* kicked, or nothing to report */
	ENGINE_EXIT_HALT,	 /* HLT: nothing wakes this vCPU */
	ENGINE_EXIT_SHUTDOWN,	 /* triple fault */
	ENGINE_EXIT_ERROR,	 /* see the error; the vCPU cannot continue */
};

/*
 * size is 1, 2 or 4 bytes; in() returns the value in its low bytes. When out()
 * returns true, the device wrote guest memory, or has work that may. The
 * engine then calls complete() soon, between two instructions of the guest,
 * and before vcpu_run returns. Translated code runs again only after
 * vcpu_sync.
 */
struct engine_ports {
	void *opaque;
	uint32_t (*in)(void *opaque, uint16_t port, unsigned int size);
	bool (*out)(void *opaque, uint16_t port, unsigned int size,
		    uint32_t value);
	void (*complete)(void *opaque);
};

/*
 * Called for the guest's stores while the write hook is on, on the vCPU's
 * thread, once they are in memory: at the latest before vcpu_run returns.
 * Stores into the range reported last may be left out.
 */
struct engine_write_hook {
	void *opaque;
	void (*wrote)(void *opaque, uint64_t gpa, uint32_t len_bytes);
};

struct engine;
struct engine_vcpu;

/* A way to detect what the guest of an engine wrote. */
struct engine_dirty {
	const char *name; /* its name for --dirty */
	/*
	 * Make one source per piece of @ram, in @ret. NULL: a way of the host,
	 * made by machine/dirty.c. The sources may outlive the call, not the
	 * engine. Return: 0, or -errno with one sentence; @ret is all NULL
	 * then.
	 */
	int (*create_sources)(const struct engine *engine,
			      const struct ram *ram,
			      struct smudge_source *ret[RAM_MAX_PIECES],
			      struct smudge_error *err);
	/*
	 * What must be done before the engine has a vCPU; then auto does not
	 * choose this way. NULL: nothing. Return: 0, or -errno with one
	 * sentence.
	 */
	int (*prepare)(struct engine *engine, struct smudge_error *err);
};

struct engine_ops {
	const char *name;
	const struct engine_dirty *dirty; /* ndirty, best first */
	size_t ndirty;
	bool has_one_vcpu; /* it cannot run several */

	/*
	 * Make the machine and map its RAM. @ram is borrowed until destroy.
	 * Return: 0, or -errno with one sentence (-ENODEV: not usable here).
	 */
	int (*create)(const struct ram *ram, const struct engine_ports *ports,
		      struct engine **ret, struct smudge_error *err);
	void (*destroy)(struct engine *engine); /* after its vCPUs */
	/*
	 * The memory will be restored, and tracked as clean before the guest
	 * runs. Before sources are made. NULL: it makes no difference.
	 */
	void (*expect_restore)(struct engine *engine);

	int (*vcpu_create)(struct engine *engine, unsigned int index,
			   struct engine_vcpu **ret, struct smudge_error *err);
	void (*vcpu_destroy)(struct engine_vcpu *vcpu);

	/* Once, on the thread that will run the vCPU, before vcpu_run. */
	void (*vcpu_bind)(struct engine_vcpu *vcpu);
	enum engine_exit (*vcpu_run)(struct engine_vcpu *vcpu,
				     struct smudge_error *err);

	/* Make vcpu_run return soon, also when it only begins after this. */
	void (*vcpu_kick)(struct engine_vcpu *vcpu);
	/* Forget earlier kicks; never at once with vcpu_kick. */
	void (*vcpu_clear_kick)(struct engine_vcpu *vcpu);

	int (*vcpu_get_state)(struct engine_vcpu *vcpu, struct vcpu_state *ret,
			      struct smudge_error *err);
	int (*vcpu_set_state)(struct engine_vcpu *vcpu,
			      const struct vcpu_state *state,
			      struct smudge_error *err);

	/*
	 * For engines that translate, NULL for others.
	 *
	 * watch_code passes the memory whose marks make code stale, before the
	 * vCPUs run; NULL ends that, after they ran. vcpu_sync invalidates the
	 * translations that are stale. It is called on the vCPU's thread
	 * outside vcpu_run, without any lock, before the guest is entered
	 * again after others may have written its memory. code returns the
	 * handle, for its statistics, or NULL.
	 */
	int (*watch_code)(struct engine *engine, struct smudge_memory *memory,
			  struct smudge_error *err);
	void (*vcpu_sync)(struct engine_vcpu *vcpu);
	struct smudge_code *(*code)(const struct engine *engine);
	/*
	 * For engines that offer "hook", NULL for others. A NULL hook turns it
	 * off. Only while every vCPU is out of the guest.
	 */
	int (*set_write_hook)(struct engine *engine,
			      const struct engine_write_hook *hook,
			      struct smudge_error *err);
};

extern const struct engine_ops engine_kvm_ops;
#ifdef HAVE_UNICORN
extern const struct engine_ops engine_unicorn_ops;
#endif

/* The way called @name that @ops offers, or NULL. */
const struct engine_dirty *engine_dirty_find(const struct engine_ops *ops,
					     const char *name);

/* The name of the engine that offers the way @dirty, or NULL: none does. */
const char *engine_that_offers(const char *dirty);

/*
 * engine_choose - choose the engine named on the command line
 * @name: "auto", "kvm" or "unicorn"; auto takes kvm if a VM and a vCPU can be
 *        made, else unicorn; one that is named may prove not to work
 * @why_buf: receives a clause for stderr: which engine and why
 *
 * Return: 0, or -errno with one sentence.
 */
int engine_choose(const char *name, const struct engine_ops **ret_ops,
		  char why_buf[256], struct smudge_error *err);

#endif
