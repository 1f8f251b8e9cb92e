/* SPDX-License-Identifier: MIT */
/*
 * scribble's command line: key=value words separated by blanks.
 *
 * Whatever is unknown, malformed or does not fit the machine is refused with
 * one sentence on the serial port and GUEST_EXIT_USAGE.
 */
#include "scribble.h"

#include "words.h"

#define DEFAULT_WORKING_SET_BYTES (UINT64_C(4) << 20)
#define MAX_RATE_PPS		  UINT64_C(1000000000)

const char guest_name[] = "scribble";

static enum scribble_pattern pattern(const struct guest_word *word)
{
	if (guest_is(word->value, word->value_len, "sequential"))
		return SCRIBBLE_SEQUENTIAL;
	if (guest_is(word->value, word->value_len, "random"))
		return SCRIBBLE_RANDOM;
	if (guest_is(word->value, word->value_len, "alternating"))
		return SCRIBBLE_ALTERNATING;
	if (guest_is(word->value, word->value_len, "hotset"))
		return SCRIBBLE_HOTSET;
	guest_refuse(
		"pattern is none of sequential, random, alternating, hotset:",
		word->value, word->value_len);
}

uint64_t scribble_pages_free(uint64_t ram_bytes)
{
	uint64_t used = (uint64_t)guest_end;

	return ram_bytes > used ? (ram_bytes - used) / GUEST_PAGE_BYTES : 0;
}

static void apply(const struct guest_word *word, uint64_t ram_bytes,
		  struct scribble_config *config)
{
	if (guest_is(word->key, word->key_len, "working-set")) {
		config->npages = guest_number(word, true) / GUEST_PAGE_BYTES;
		if (config->npages < 8)
			guest_refuse("working-set is at least 32K, not",
				     word->value, word->value_len);
		if (config->npages > scribble_pages_free(ram_bytes))
			guest_refuse(
				"working-set does not fit into the machine:",
				word->value, word->value_len);
	} else if (guest_is(word->key, word->key_len, "rate")) {
		config->rate_pps = guest_number(word, false);
		if (config->rate_pps > MAX_RATE_PPS)
			guest_refuse("rate is at most 1000000000, not",
				     word->value, word->value_len);
	} else if (guest_is(word->key, word->key_len, "passes")) {
		config->passes = guest_number(word, false);
	} else if (guest_is(word->key, word->key_len, "pattern")) {
		config->pattern = pattern(word);
	} else {
		guest_refuse("unknown parameter", word->key, word->key_len);
	}
}

void scribble_configure(const char *cmdline, uint64_t ram_bytes,
			struct scribble_config *ret)
{
	struct guest_word word;

	ret->npages = DEFAULT_WORKING_SET_BYTES / GUEST_PAGE_BYTES;
	ret->rate_pps = 0;
	ret->passes = 0;
	ret->pattern = SCRIBBLE_SEQUENTIAL;
	while (guest_next_word(&cmdline, &word))
		apply(&word, ram_bytes, ret);
}
