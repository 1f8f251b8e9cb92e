/* SPDX-License-Identifier: MIT */
/*
 * How many pages are written, how fast, and in which order.
 */
#include "pages.h"

#define DEFAULT_WORKING_SET_BYTES (UINT64_C(4) << 20)
#define MAX_RATE_PPS		  UINT64_C(1000000000)

static enum pages_pattern pattern(const struct guest_word *word)
{
	if (guest_is(word->value, word->value_len, "sequential"))
		return PAGES_SEQUENTIAL;
	if (guest_is(word->value, word->value_len, "random"))
		return PAGES_RANDOM;
	if (guest_is(word->value, word->value_len, "alternating"))
		return PAGES_ALTERNATING;
	if (guest_is(word->value, word->value_len, "hotset"))
		return PAGES_HOTSET;
	guest_refuse(
		"pattern is none of sequential, random, alternating, hotset:",
		word->value, word->value_len);
}

/* The pages free for the working set in a machine of @ram_bytes. */
static uint64_t count_free(uint64_t ram_bytes)
{
	uint64_t used = (uint64_t)guest_end;

	return ram_bytes > used ? (ram_bytes - used) / GUEST_PAGE_BYTES : 0;
}

void pages_init(struct pages *pages)
{
	*pages = (struct pages){
		.npages = DEFAULT_WORKING_SET_BYTES / GUEST_PAGE_BYTES,
		.pattern = PAGES_SEQUENTIAL,
	};
}

bool pages_apply(struct pages *pages, const struct guest_word *word,
		 uint64_t ram_bytes)
{
	if (guest_is(word->key, word->key_len, "working-set")) {
		pages->npages = guest_number(word, true) / GUEST_PAGE_BYTES;
		if (pages->npages < 8)
			guest_refuse("working-set is at least 32K, not",
				     word->value, word->value_len);
		if (pages->npages > count_free(ram_bytes))
			guest_refuse(
				"working-set does not fit into the machine:",
				word->value, word->value_len);
	} else if (guest_is(word->key, word->key_len, "rate")) {
		pages->rate_pps = guest_number(word, false);
		if (pages->rate_pps > MAX_RATE_PPS)
			guest_refuse("rate is at most 1000000000, not",
				     word->value, word->value_len);
	} else if (guest_is(word->key, word->key_len, "pattern")) {
		pages->pattern = pattern(word);
	} else {
		return false;
	}
	return true;
}
