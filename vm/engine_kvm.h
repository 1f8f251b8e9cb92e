/* SPDX-License-Identifier: MIT */
/*
 * Shared between the KVM engine's files: running vCPUs (engine_kvm.c) and
 * their state (engine_kvm_state.c).
 */
#ifndef VM_ENGINE_KVM_H
#define VM_ENGINE_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>

#include "engine.h"

struct engine {
	int kvm_fd;
	int vm_fd;
	size_t run_bytes; /* of a vCPU's shared area */
	struct engine_ports ports;
};

struct engine_vcpu {
	struct engine *engine;
	int fd;
	bool is_bound; /* atomic: `thread` is valid */
	bool is_halted;
	pthread_t thread;
	struct kvm_run *run;
};

int engine_kvm_get_state(struct engine_vcpu *vcpu, struct vcpu_state *ret,
			 struct smudge_error *err);
int engine_kvm_set_state(struct engine_vcpu *vcpu,
			 const struct vcpu_state *state,
			 struct smudge_error *err);

#endif
