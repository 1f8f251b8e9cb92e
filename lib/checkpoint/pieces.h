/* SPDX-License-Identifier: MIT */
/*
 * What a save took: runs of pages with their copies, in the order in which they
 * were taken.
 *
 * Pages here are of 4 KiB, counted from the region's first byte. The list grows
 * at its end in blocks that never move, so another thread may read the pieces
 * that were published to it.
 */
#ifndef LIB_CHECKPOINT_PIECES_H
#define LIB_CHECKPOINT_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/memory.h>

#define SMI_PIECES_PER_BLOCK 1024

struct smi_piece {
	struct smudge_region *region; /* valid until it is copied */
	uint32_t region_id;
	uint32_t pass; /* of the save; 0: the page is in no piece before */
	uint64_t first_page, npages;
	uint8_t *bytes; /* the copy, in a chunk; NULL: zeros */
	bool was_clean; /* not taken: a full layer has it too */
};

struct smi_piece_block {
	struct smi_piece_block *next;
	size_t n;
	struct smi_piece pieces[SMI_PIECES_PER_BLOCK];
};

struct smi_pieces {
	struct smi_piece_block *first, *last;
	uint64_t npieces;
	uint64_t data_pages, zero_pages; /* with and without a copy */
};

/* A place in the list, and how many pieces from there on are meant. */
struct smi_piece_cursor {
	struct smi_piece_block *block;
	size_t index; /* in the block; its end is the next block's begin */
	uint64_t npieces;
};

/* Return: 0, -ENOMEM. */
int smi_pieces_init(struct smi_pieces *pieces);
/* Frees the list; the copies are the chunks'. */
void smi_pieces_clear(struct smi_pieces *pieces);

/* Return: 0, -ENOMEM. */
int smi_pieces_add(struct smi_pieces *pieces, const struct smi_piece *piece);

/*
 * All pieces; the places before the first and behind the last one, with no
 * piece. The first place may be asked for while another thread adds.
 */
struct smi_piece_cursor smi_pieces_all(const struct smi_pieces *pieces);
struct smi_piece_cursor smi_pieces_begin(const struct smi_pieces *pieces);
struct smi_piece_cursor smi_pieces_end(const struct smi_pieces *pieces);

/* The next piece, or NULL at the end of those that are meant. */
struct smi_piece *smi_pieces_next(struct smi_piece_cursor *cursor);

#endif
