/* SPDX-License-Identifier: MIT */
/*
 * Merging: a layer written anew with what it shows of some layers below it. It
 * has the same disk for what stands on it, and the same tail; its parent is
 * the next layer below them, or none.
 */
#ifndef LIB_CHECKPOINT_PRUNE_MERGE_H
#define LIB_CHECKPOINT_PRUNE_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/folder.h"

struct smi_prune_merge {
	int folder_fd;
	const char *name; /* of the layer */
	size_t depth;	  /* images that become one, the layer included */
	bool is_all;	  /* as in smi_prune_ranges */
	bool uncompressed;
	unsigned int nthreads; /* to verify, and of the writer; 0: it chooses */
	/*
	 * So many pages more are read, of all that are merged, and then of all
	 * that were. Returns 0, or a failure with its sentence. May be NULL.
	 */
	int (*progress)(void *opaque, uint64_t npages,
			struct smudge_error *err);
	void *opaque;
};

/*
 * smi_prune_merge - write the layer to a file of its own
 * @ret_file: it is flushed, and every page of it verified; to be put in place,
 *      or dropped
 *
 * Return: 0, -EBADMSG (a page, or a table, is not what was written), what
 * progress returned, or as smudge_chain_open, smi_qcow2_writer_finish,
 * smi_folder_create, smi_folder_flush; then no file is left.
 */
int smi_prune_merge(const struct smi_prune_merge *merge,
		    struct smi_folder_file *ret_file, uint64_t *ret_file_bytes,
		    struct smudge_error *err);

#endif
