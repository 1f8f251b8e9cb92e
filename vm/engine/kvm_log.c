/* SPDX-License-Identifier: MIT */
/*
 * Sources of KVM's dirty log: one per RAM piece, which is one per memory slot.
 *
 * All share a handle; the last of them frees it.
 */
#include "engine/kvm.h"

#include <smudge/source.h>

static int create_log(const struct engine *engine, const struct ram *ram,
		      enum smudge_kvm_log_mode mode,
		      struct smudge_source *ret_sources[RAM_MAX_PIECES],
		      struct smudge_error *err)
{
	const struct smudge_kvm_options options = {
		.size = sizeof(options),
		.vm_fd = engine->vm_fd,
		.mode = mode,
	};
	struct smudge_kvm *kvm;
	int ret = smudge_kvm_create(&options, &kvm, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < ram->npieces; i++) {
		const struct ram_piece *piece = &ram->pieces[i];
		const struct smudge_kvm_slot slot = {
			.size = sizeof(slot),
			.slot = piece->slot,
			.gpa = piece->gpa,
			.size_bytes = piece->size_bytes,
			.hva = piece->hva,
		};

		ret = smudge_kvm_log_create(kvm, &slot, &ret_sources[i], err);
	}
	for (size_t i = 0; ret < 0 && i < ram->npieces; i++) {
		smudge_source_destroy(ret_sources[i]);
		ret_sources[i] = NULL;
	}
	smudge_kvm_destroy(kvm);
	return ret;
}

int engine_kvm_log_manual(const struct engine *engine, const struct ram *ram,
			  struct smudge_source *ret[RAM_MAX_PIECES],
			  struct smudge_error *err)
{
	return create_log(engine, ram, SMUDGE_KVM_LOG_MANUAL, ret, err);
}

int engine_kvm_log_legacy(const struct engine *engine, const struct ram *ram,
			  struct smudge_source *ret[RAM_MAX_PIECES],
			  struct smudge_error *err)
{
	return create_log(engine, ram, SMUDGE_KVM_LOG_LEGACY, ret, err);
}
