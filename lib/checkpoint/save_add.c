/* SPDX-License-Identifier: MIT */
/*
 * Pieces of a save: each has its place in a chunk before it is copied.
 */
#include "checkpoint/save.h"

#include "common/range.h"
#include "qcow2/format.h"

static int add(struct smi_save *save, const struct smi_piece *piece,
	       struct smudge_error *err)
{
	struct smi_piece own = *piece;

	own.pass = save->npasses - 1;
	if (smi_pieces_add(&save->pieces, &own) < 0)
		return smi_checkpointer_no_memory(err);
	save->uncopied.npieces++;
	save->pass_begin[save->npasses - 1].npieces++;
	return 0;
}

int smi_save_add_zeros(struct smi_save *save, const struct smi_piece *run,
		       struct smudge_error *err)
{
	return add(save, run, err);
}

int smi_save_add_data(struct smudge_checkpointer *cp, struct smi_save *save,
		      const struct smi_piece *run, struct smudge_error *err)
{
	struct smi_piece rest = *run;

	while (rest.npages) {
		struct smi_piece piece = rest;
		uint64_t room;
		int ret = smi_save_room(cp, save, err);

		if (ret < 0)
			return ret;
		room = (SMI_CHUNK_BYTES - save->chunk_used) >>
		       SMI_QCOW2_PAGE_SHIFT;
		piece.npages = min_u64(rest.npages, room);
		piece.bytes = save->filling.last->bytes + save->chunk_used;
		ret = add(save, &piece, err);
		if (ret < 0)
			return ret;
		save->chunk_used += piece.npages << SMI_QCOW2_PAGE_SHIFT;
		rest.first_page += piece.npages;
		rest.npages -= piece.npages;
	}
	return 0;
}
