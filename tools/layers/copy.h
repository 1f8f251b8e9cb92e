/* SPDX-License-Identifier: MIT */
/*
 * Memory of a moment, copied into a file that has holes for zeros.
 *
 * A file with what differs between moments has zeros written, where memory
 * became zeros: a hole there says that nothing differs.
 */
#ifndef TOOLS_LAYERS_COPY_H
#define TOOLS_LAYERS_COPY_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/layers.h>

/*
 * A part of a region, and where it is in the file. It may begin and end within
 * the region's pages, which may be large, but not within 4 KiB.
 */
struct layers_piece {
	size_t region;	     /* of the chain */
	uint64_t region_off; /* bytes */
	uint64_t nbytes;
	uint64_t file_off;
};

struct layers_copying {
	struct smudge_chain *chain;
	/* any number, in any order; their places in the file do not overlap */
	const struct layers_piece *pieces;
	size_t npieces;
	int fd; /* open for writing, and zeros at the pieces' places */
	const char *path; /* of the file, for sentences */
	/*
	 * NULL: what is not zeros is written. Otherwise a bit for each 4 KiB of
	 * the file, the lowest of a word first: these are, zeros included.
	 */
	const uint64_t *wanted;
	/*
	 * Called for memory that was read, from several threads at once: whole
	 * pages of 4 KiB of one piece, not all of them zeros. May be NULL.
	 */
	void (*look)(void *look_opaque, uint64_t file_off, const uint8_t *bytes,
		     uint64_t nbytes);
	void *look_opaque;
	/* As of smudge_chain_verify; may be NULL. */
	int (*progress)(void *opaque, uint64_t done_bytes,
			uint64_t total_bytes);
	void *opaque;
};

/*
 * layers_copy - write pieces of the open layer's memory into a file
 *
 * Every page is compared with its digest before it is written. Starts threads
 * of its own, and ends them.
 * Return: 0, -ECANCELED, as smudge_chain_read, or as pwrite(2); with one
 * sentence. The file holds anything then.
 */
int layers_copy(const struct layers_copying *copying, struct smudge_error *err);

#endif
