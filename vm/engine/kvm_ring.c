/* SPDX-License-Identifier: MIT */
/*
 * Sources of KVM's dirty rings: one per RAM piece, which is one per memory
 * slot.
 *
 * A VM gets its rings before its vCPUs, for good. A vCPU whose ring is full
 * makes room on its own thread, which holds no lock then.
 */
#include "engine/kvm.h"

#include <errno.h>

#include <smudge/error.h>
#include <smudge/kvm_ring.h>

/* All is dirty after each; the next one may succeed. */
#define MAX_FULL_ERRORS 100

int engine_kvm_ring_prepare(struct engine *engine, struct smudge_error *err)
{
	const struct smudge_kvm_ring_options options = {.size = sizeof(options),
							.vm_fd = engine->vm_fd};

	return smudge_kvm_ring_create(&options, &engine->ring, err);
}

static int ring_source(void *ring, const struct smudge_kvm_slot *slot,
		       struct smudge_source **ret_source,
		       struct smudge_error *err)
{
	return smudge_kvm_ring_slot(ring, slot, ret_source, err);
}

int engine_kvm_ring(const struct engine *engine, const struct ram *ram,
		    struct smudge_source *ret_sources[RAM_MAX_PIECES],
		    struct smudge_error *err)
{
	return engine_kvm_slot_sources(ram, ring_source, engine->ring,
				       ret_sources, err);
}

int engine_kvm_ring_full(struct engine_vcpu *vcpu, struct smudge_error *err)
{
	int ret = smudge_kvm_ring_full(vcpu->ring, err);

	vcpu->nfull_errors = ret < 0 ? vcpu->nfull_errors + 1 : 0;
	if (vcpu->nfull_errors >= MAX_FULL_ERRORS)
		return ret;
	smudge_error_clear(err);
	return 0;
}
