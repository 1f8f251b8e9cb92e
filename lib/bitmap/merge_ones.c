/* SPDX-License-Identifier: MIT */
/*
 * Words that are zero or all ones, merged without a buffer of them. Where they
 * begin within a word of the bitmaps, only the words at the ends of their runs
 * are mixed.
 */
#include "bitmap/merge_ones.h"

#include "bitmap/group.h"

/* Whole words, as the bitmaps' words see them: up to two groups have some. */
struct moved {
	struct smi_group groups[2];
	uint64_t words[2][SMI_GROUP_WORDS]; /* only for the mixed ones */
};

/*
 * @ones has a bit for each of 64 words; the first of them begins at page
 * @first. If that is within a word, each word of the bitmaps has the end of one
 * and the begin of the next.
 */
static void move_words(uint64_t ones, uint64_t first, struct moved *ret)
{
	unsigned int index = smi_word_index(first);
	uint64_t high = SMI_ALL_ONES << (first & (SMI_WORD_PAGES - 1));
	uint64_t begin[2] = {ones << index, index ? ones >> (64 - index) : 0};
	uint64_t end[2] = {begin[0] << 1, begin[1] << 1 | begin[0] >> 63};

	for (unsigned int k = 0; k < 2; k++) {
		if (high == SMI_ALL_ONES) {
			ret->groups[k] = (struct smi_group){0, begin[k]};
			continue;
		}
		ret->groups[k] = (struct smi_group){begin[k] ^ end[k],
						    begin[k] & end[k]};
		for (uint64_t some = ret->groups[k].mixed; some;
		     some &= some - 1) {
			unsigned int i = (unsigned int)__builtin_ctzll(some);

			ret->words[k][i] = high ^ -(end[k] >> i & 1);
		}
	}
}

void smi_bitmap_merge_ones(struct smudge_bitmap *const *bitmaps,
			   size_t nbitmaps, uint64_t first, uint64_t ones)
{
	uint64_t group = smi_page_group(first);
	struct moved moved;

	move_words(ones, first, &moved);
	for (unsigned int k = 0; k < 2; k++) {
		const struct smi_group *add = &moved.groups[k];

		for (size_t i = 0; smi_group_dirty(*add) && i < nbitmaps; i++)
			smi_group_or(bitmaps[i], group + k, moved.words[k], 0,
				     add);
	}
}
