/* SPDX-License-Identifier: MIT */
/*
 * Look-ups in the table of RAM pieces. Addresses come from guests and files,
 * so no sum here may wrap.
 */
#include "base/ram.h"

const struct ram_piece *ram_find(const struct ram *ram, uint64_t gpa,
				 uint64_t len_bytes)
{
	for (size_t i = 0; i < ram->npieces; i++) {
		const struct ram_piece *piece = &ram->pieces[i];

		if (gpa >= piece->gpa &&
		    gpa - piece->gpa <= piece->size_bytes &&
		    len_bytes <= piece->size_bytes - (gpa - piece->gpa))
			return piece;
	}
	return NULL;
}

uint8_t *ram_at(const struct ram *ram, uint64_t gpa, uint64_t len_bytes)
{
	const struct ram_piece *piece = ram_find(ram, gpa, len_bytes);

	return piece ? piece->hva + (gpa - piece->gpa) : NULL;
}
