/* SPDX-License-Identifier: MIT */
/*
 * Memory of a moment, copied into a file that has holes for zeros.
 */
#ifndef TOOLS_LAYERS_COPY_H
#define TOOLS_LAYERS_COPY_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/layers.h>

/* A part of a region, and where it is in the file. */
struct layers_piece {
	size_t region;	     /* of the chain */
	uint64_t first_page; /* in pages of the region */
	uint64_t npages;
	uint64_t file_off;
};

/*
 * layers_copy - write pieces of the open layer's memory into a file
 * @pieces: any number, in any order; their places in the file do not overlap
 * @fd: open for writing, and zeros at their places
 * @progress: as of smudge_chain_verify; may be NULL
 *
 * Every page is compared with its digest before it is written. Starts threads
 * of its own, and ends them.
 * Return: 0, -ECANCELED, as smudge_chain_read, or as pwrite(2); with one
 * sentence. The file holds anything then.
 */
int layers_copy(struct smudge_chain *chain, const struct layers_piece *pieces,
		size_t npieces, int fd,
		int (*progress)(void *opaque, uint64_t done_bytes,
				uint64_t total_bytes),
		void *opaque, struct smudge_error *err);

#endif
