/* SPDX-License-Identifier: MIT */
/*
 * Shared between the KVM engine's files: running vCPUs (engine/kvm.c), their
 * state (engine/kvm_state.c), their floating-point registers
 * (engine/kvm_fpu.c), the dirty log (engine/kvm_log.c) and the dirty rings
 * (engine/kvm_ring.c).
 */
#ifndef VM_ENGINE_KVM_H
#define VM_ENGINE_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "engine/engine.h"

struct smudge_kvm_ring;
struct smudge_kvm_ring_vcpu;
struct smudge_kvm_slot;

struct engine {
	int kvm_fd;
	int vm_fd;
	size_t run_bytes; /* of a vCPU's shared area */
	struct engine_ports ports;
	bool expects_restore;
	struct smudge_kvm_ring *ring; /* of --dirty kvm-ring, else NULL */
};

struct engine_vcpu {
	struct engine *engine;
	int fd;
	atomic_bool is_bound; /* `thread` is valid */
	bool is_halted;
	pthread_t thread;
	struct kvm_run *run;
	struct smudge_kvm_ring_vcpu *ring; /* NULL without */
	unsigned int nfull_errors; /* in a row, while its ring is full */
};

int engine_kvm_get_fpu(const struct engine_vcpu *vcpu, struct vcpu_fpu *to,
		       struct smudge_error *err);
int engine_kvm_set_fpu(const struct engine_vcpu *vcpu,
		       const struct vcpu_fpu *from, struct smudge_error *err);
/*
 * Return: 0, or -EOPNOTSUPP with one sentence when the guest uses registers
 * that struct vcpu_state lacks (AVX and later, debug registers).
 */
int engine_kvm_check_uncarried(const struct engine_vcpu *vcpu,
			       struct smudge_error *err);

/*
 * A source for each piece of RAM, made by @create of @handle; all or none.
 * Return: 0, or what @create returned.
 */
typedef int (*engine_kvm_slot_source_fn)(void *handle,
					 const struct smudge_kvm_slot *slot,
					 struct smudge_source **ret_source,
					 struct smudge_error *err);
int engine_kvm_slot_sources(const struct ram *ram,
			    engine_kvm_slot_source_fn create, void *handle,
			    struct smudge_source *ret_sources[RAM_MAX_PIECES],
			    struct smudge_error *err);

/* KVM's dirty log in its two modes; see struct engine_dirty. */
int engine_kvm_log_manual(const struct engine *engine, const struct ram *ram,
			  struct smudge_source *ret[RAM_MAX_PIECES],
			  struct smudge_error *err);
int engine_kvm_log_legacy(const struct engine *engine, const struct ram *ram,
			  struct smudge_source *ret[RAM_MAX_PIECES],
			  struct smudge_error *err);

/* KVM's dirty rings; see struct engine_dirty. */
int engine_kvm_ring_prepare(struct engine *engine, struct smudge_error *err);
int engine_kvm_ring(const struct engine *engine, const struct ram *ram,
		    struct smudge_source *ret[RAM_MAX_PIECES],
		    struct smudge_error *err);
/* Make room in the vCPU's full ring. Return: 0, or -errno for good. */
int engine_kvm_ring_full(struct engine_vcpu *vcpu, struct smudge_error *err);

int engine_kvm_get_state(struct engine_vcpu *vcpu, struct vcpu_state *ret,
			 struct smudge_error *err);
int engine_kvm_set_state(struct engine_vcpu *vcpu,
			 const struct vcpu_state *state,
			 struct smudge_error *err);

#endif
