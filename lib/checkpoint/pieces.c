/* SPDX-License-Identifier: MIT */
/*
 * The list of pieces.
 */
#include "checkpoint/pieces.h"

#include <errno.h>
#include <stdlib.h>

static struct smi_piece_block *create_block(void)
{
	struct smi_piece_block *block = malloc(sizeof(*block));

	if (block) {
		block->next = NULL;
		block->n = 0;
	}
	return block;
}

int smi_pieces_init(struct smi_pieces *pieces)
{
	*pieces = (struct smi_pieces){.first = create_block()};
	pieces->last = pieces->first;
	return pieces->first ? 0 : -ENOMEM;
}

void smi_pieces_clear(struct smi_pieces *pieces)
{
	struct smi_piece_block *block = pieces->first;

	while (block) {
		struct smi_piece_block *next = block->next;

		free(block);
		block = next;
	}
	*pieces = (struct smi_pieces){0};
}

int smi_pieces_add(struct smi_pieces *pieces, const struct smi_piece *piece)
{
	struct smi_piece_block *block = pieces->last;

	if (block->n == SMI_PIECES_PER_BLOCK) {
		block = create_block();
		if (!block)
			return -ENOMEM;
		pieces->last->next = block;
		pieces->last = block;
	}
	block->pieces[block->n++] = *piece;
	pieces->npieces++;
	if (piece->bytes)
		pieces->data_pages += piece->npages;
	else
		pieces->zero_pages += piece->npages;
	return 0;
}

struct smi_piece_cursor smi_pieces_all(const struct smi_pieces *pieces)
{
	return (struct smi_piece_cursor){.block = pieces->first,
					 .npieces = pieces->npieces};
}

struct smi_piece_cursor smi_pieces_begin(const struct smi_pieces *pieces)
{
	return (struct smi_piece_cursor){.block = pieces->first};
}

struct smi_piece_cursor smi_pieces_end(const struct smi_pieces *pieces)
{
	return (struct smi_piece_cursor){.block = pieces->last,
					 .index = pieces->last->n};
}

struct smi_piece *smi_pieces_next(struct smi_piece_cursor *cursor)
{
	if (!cursor->npieces)
		return NULL;
	if (cursor->index == SMI_PIECES_PER_BLOCK) {
		cursor->block = cursor->block->next;
		cursor->index = 0;
	}
	cursor->npieces--;
	return &cursor->block->pieces[cursor->index++];
}
