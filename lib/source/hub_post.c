/* SPDX-License-Identifier: MIT */
/*
 * Posts from collect operations: into the sink of the harvest that collects, or
 * into the pending bitmap.
 */
#include "source/hub_objects.h"

#include <endian.h>

#include <smudge/source_ops.h>

void smi_hub_post_collected(struct smudge_hub_member *member,
			    uint64_t first_page, uint64_t npages)
{
	if (member->hub->harvested != member || first_page >= member->npages) {
		smudge_hub_post(member, first_page, npages);
		return;
	}
	if (npages > member->npages - first_page)
		npages = member->npages - first_page;
	smudge_sink_range(member->hub->sink, first_page << member->page_shift,
			  npages << member->page_shift);
}

/* Bit i of @word is page @first_page + i. */
static void post_word(struct smudge_hub_member *member, uint64_t first_page,
		      uint64_t word)
{
	while (word) {
		unsigned int first = (unsigned int)__builtin_ctzll(word);
		uint64_t behind = ~(word >> first);
		unsigned int n =
			behind ? (unsigned int)__builtin_ctzll(behind) : 64;

		smudge_hub_post(member, first_page + first, n);
		word &= ~(~UINT64_C(0) >> (64 - n) << first);
	}
}

void smi_hub_post_words(struct smudge_hub_member *member, uint64_t first_page,
			const uint64_t *words, size_t nwords)
{
	if (member->hub->harvested == member) {
		smudge_sink_bitmap(member->hub->sink, first_page, words, 0,
				   64 * nwords, member->page_shift);
		return;
	}
	for (size_t i = 0; i < nwords; i++)
		post_word(member, first_page + 64 * i, le64toh(words[i]));
}
