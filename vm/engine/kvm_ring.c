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

int engine_kvm_ring(const struct engine *engine, const struct ram *ram,
		    struct smudge_source *ret_sources[RAM_MAX_PIECES],
		    struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ram->npieces; i++) {
		const struct ram_piece *piece = &ram->pieces[i];
		const struct smudge_kvm_slot slot = {
			.size = sizeof(slot),
			.slot = piece->slot,
			.gpa = piece->gpa,
			.size_bytes = piece->size_bytes,
			.hva = piece->hva,
		};

		ret = smudge_kvm_ring_slot(engine->ring, &slot, &ret_sources[i],
					   err);
	}
	for (size_t i = 0; ret < 0 && i < ram->npieces; i++) {
		smudge_source_destroy(ret_sources[i]);
		ret_sources[i] = NULL;
	}
	return ret;
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
