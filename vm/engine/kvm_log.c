/* SPDX-License-Identifier: MIT */
/*
 * Sources of KVM's dirty log: one per RAM piece, which is one per memory slot.
 *
 * All share a handle; the last of them frees it.
 */
#include "engine/kvm.h"

#include <smudge/source.h>

static int log_source(void *kvm, const struct smudge_kvm_slot *slot,
		      struct smudge_source **ret_source,
		      struct smudge_error *err)
{
	return smudge_kvm_log_create(kvm, slot, ret_source, err);
}

static int create_log(const struct engine *engine, const struct ram *ram,
		      enum smudge_kvm_log_mode mode,
		      struct smudge_source *ret_sources[RAM_MAX_PIECES],
		      struct smudge_error *err)
{
	const struct smudge_kvm_options options = {
		.size = sizeof(options),
		.vm_fd = engine->vm_fd,
		.mode = mode,
		.arms_at_start = engine->expects_restore,
	};
	struct smudge_kvm *kvm;
	int ret = smudge_kvm_create(&options, &kvm, err);

	if (ret < 0)
		return ret;
	ret = engine_kvm_slot_sources(ram, log_source, kvm, ret_sources, err);
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
