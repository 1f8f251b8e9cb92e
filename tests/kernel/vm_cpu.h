/* SPDX-License-Identifier: MIT */
/*
 * The vCPU's part of a paused machine's state, for tests that change it.
 */
#ifndef TESTS_KERNEL_VM_CPU_H
#define TESTS_KERNEL_VM_CPU_H

#include "vm_guest.h"

#include "base/bytes.h"
#include "engine/vcpu_state.h"

struct smudge_error;

/* The machine's state and the vCPU in it; a failure fails the test. */
void vm_cpu_save(struct vm_guest *guest, struct vm_buf *buf,
		 struct vcpu_state *ret);
/* machine_load_state() of @buf, with this vCPU in it. */
int vm_cpu_load(struct vm_guest *guest, const struct vm_buf *buf,
		const struct vcpu_state *state, struct smudge_error *err);

#endif
