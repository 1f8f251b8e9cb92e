/* SPDX-License-Identifier: MIT */
/*
 * A source for each RAM piece, which is one per memory slot, by whichever of
 * KVM's mechanisms.
 */
#include "engine/kvm.h"

#include <smudge/source.h>

int engine_kvm_slot_sources(const struct ram *ram,
			    engine_kvm_slot_source_fn create, void *handle,
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

		ret = create(handle, &slot, &ret_sources[i], err);
	}
	for (size_t i = 0; ret < 0 && i < ram->npieces; i++) {
		smudge_source_destroy(ret_sources[i]);
		ret_sources[i] = NULL;
	}
	return ret;
}
