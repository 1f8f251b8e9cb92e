/* SPDX-License-Identifier: MIT */
/*
 * scribble's command line: key=value words separated by blanks.
 *
 * Whatever is unknown, malformed or does not fit the machine is refused with
 * one sentence on the serial port and SCRIBBLE_EXIT_USAGE.
 */
#include "scribble.h"

#define DEFAULT_WORKING_SET_BYTES (UINT64_C(4) << 20)
#define MAX_RATE_PPS		  UINT64_C(1000000000)

struct word {
	const char *key;
	size_t key_len;
	const char *value;
	size_t value_len;
};

static _Noreturn void refuse(const char *why, const char *text, size_t len)
{
	guest_put_text("scribble: ");
	guest_put_text(why);
	guest_put_text(" \"");
	guest_put_bytes(text, len);
	guest_put_text("\"\n");
	guest_exit(SCRIBBLE_EXIT_USAGE);
}

static bool is(const char *text, size_t len, const char *name)
{
	size_t i;

	for (i = 0; i < len && name[i]; i++)
		if (text[i] != name[i])
			return false;
	return i == len && !name[i];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* False at the end of the line. */
static bool next_word(const char **cursor, struct word *ret)
{
	const char *p = *cursor;
	const char *end;

	while (is_blank(*p))
		p++;
	if (!*p)
		return false;
	ret->key = p;
	while (*p && *p != '=' && !is_blank(*p))
		p++;
	ret->key_len = (size_t)(p - ret->key);
	for (end = p; *end && !is_blank(*end);)
		end++;
	if (*p != '=')
		refuse("parameters have the form name=value, unlike", ret->key,
		       ret->key_len);
	ret->value = p + 1;
	ret->value_len = (size_t)(end - ret->value);
	*cursor = end;
	return true;
}

static unsigned int suffix_shift(char c)
{
	switch (c) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	default:
		return 0;
	}
}

static uint64_t number(const struct word *word, bool with_suffix)
{
	size_t len = word->value_len;
	unsigned int shift = 0;
	uint64_t value = 0;
	size_t i;

	if (len && with_suffix)
		shift = suffix_shift(word->value[len - 1]);
	if (shift)
		len--;
	if (!len)
		refuse("a number is missing in", word->value, word->value_len);
	for (i = 0; i < len; i++) {
		if (word->value[i] < '0' || word->value[i] > '9')
			refuse("not a number:", word->value, word->value_len);
		if (value > (UINT64_C(1) << 56) / 10)
			refuse("number too large:", word->value,
			       word->value_len);
		value = value * 10 + (uint64_t)(word->value[i] - '0');
	}
	if (value > UINT64_MAX >> shift >> 1)
		refuse("number too large:", word->value, word->value_len);
	return value << shift;
}

static enum scribble_pattern pattern(const struct word *word)
{
	if (is(word->value, word->value_len, "sequential"))
		return SCRIBBLE_SEQUENTIAL;
	if (is(word->value, word->value_len, "random"))
		return SCRIBBLE_RANDOM;
	if (is(word->value, word->value_len, "alternating"))
		return SCRIBBLE_ALTERNATING;
	if (is(word->value, word->value_len, "hotset"))
		return SCRIBBLE_HOTSET;
	refuse("pattern is none of sequential, random, alternating, hotset:",
	       word->value, word->value_len);
}

uint64_t scribble_pages_free(uint64_t ram_bytes)
{
	uint64_t used = (uint64_t)guest_end;

	return ram_bytes > used ? (ram_bytes - used) / GUEST_PAGE_BYTES : 0;
}

static void apply(const struct word *word, uint64_t ram_bytes,
		  struct scribble_config *config)
{
	if (is(word->key, word->key_len, "working-set")) {
		config->npages = number(word, true) / GUEST_PAGE_BYTES;
		if (config->npages < 8)
			refuse("working-set is at least 32K, not", word->value,
			       word->value_len);
		if (config->npages > scribble_pages_free(ram_bytes))
			refuse("working-set does not fit into the machine:",
			       word->value, word->value_len);
	} else if (is(word->key, word->key_len, "rate")) {
		config->rate_pps = number(word, false);
		if (config->rate_pps > MAX_RATE_PPS)
			refuse("rate is at most 1000000000, not", word->value,
			       word->value_len);
	} else if (is(word->key, word->key_len, "passes")) {
		config->passes = number(word, false);
	} else if (is(word->key, word->key_len, "pattern")) {
		config->pattern = pattern(word);
	} else {
		refuse("unknown parameter", word->key, word->key_len);
	}
}

void scribble_configure(const char *cmdline, uint64_t ram_bytes,
			struct scribble_config *ret)
{
	struct word word;

	ret->npages = DEFAULT_WORKING_SET_BYTES / GUEST_PAGE_BYTES;
	ret->rate_pps = 0;
	ret->passes = 0;
	ret->pattern = SCRIBBLE_SEQUENTIAL;
	while (next_word(&cmdline, &word))
		apply(&word, ram_bytes, ret);
}
