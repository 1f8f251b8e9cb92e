/* SPDX-License-Identifier: MIT */
/*
 * The list of pieces: all are found again, in order, from any place that was
 * noted on the way.
 */
#include "checkpoint/pieces.h"

#include "support.h"

enum {
	NPIECES = 3 * SMI_PIECES_PER_BLOCK + 7
};

static struct smi_piece piece_of(uint64_t i)
{
	static uint8_t bytes[1];

	return (struct smi_piece){.first_page = i,
				  .npages = 1 + i % 3,
				  .bytes = i % 2 ? bytes : NULL};
}

static void pieces_are_found_again(void **state)
{
	struct smi_pieces pieces;
	struct smi_piece_cursor all, parts[NPIECES + 1];
	uint64_t data = 0;

	assert_int_equal(smi_pieces_init(&pieces), 0);
	for (uint64_t i = 0; i < NPIECES; i++) {
		const struct smi_piece piece = piece_of(i);

		parts[i] = smi_pieces_end(&pieces);
		assert_null(smi_pieces_next(&parts[i]));
		assert_int_equal(smi_pieces_add(&pieces, &piece), 0);
		data += piece.bytes ? piece.npages : 0;
	}
	assert_int_equal(pieces.npieces, NPIECES);
	assert_int_equal(pieces.data_pages, data);
	all = smi_pieces_all(&pieces);
	for (uint64_t i = 0; i < NPIECES; i++) {
		assert_int_equal(smi_pieces_next(&all)->first_page, i);
		parts[i].npieces = 1;
		assert_int_equal(smi_pieces_next(&parts[i])->first_page, i);
		assert_null(smi_pieces_next(&parts[i]));
	}
	assert_null(smi_pieces_next(&all));
	smi_pieces_clear(&pieces);
	smi_pieces_clear(&pieces);
}

TEST_MAIN(pieces_are_found_again)
