/* SPDX-License-Identifier: MIT */
/*
 * Reading the command line, and writing lines to the serial port.
 */
#include "words.h"

void guest_tell(const struct guest_count *counts)
{
	guest_put_text(guest_name);
	guest_put_text(":");
	for (; counts->word; counts++) {
		guest_put_text(" ");
		guest_put_text(counts->word);
		guest_put_text(" ");
		guest_put_number(counts->number);
	}
	guest_put_text("\n");
}

void guest_begin_error(const char *text)
{
	guest_put_text(guest_name);
	guest_put_text(": error ");
	guest_put_text(text);
}

void guest_end_error(const char *text, uint64_t expected, uint64_t found)
{
	guest_put_text(text);
	guest_put_number(expected);
	guest_put_text(" found ");
	guest_put_number(found);
	guest_put_text("\n");
}

void guest_tell_error(const char *text)
{
	guest_begin_error(text);
	guest_put_text("\n");
}

_Noreturn void guest_refuse(const char *why, const char *text, size_t len)
{
	guest_put_text(guest_name);
	guest_put_text(": ");
	guest_put_text(why);
	guest_put_text(" '");
	guest_put_bytes(text, len);
	guest_put_text("'\n");
	guest_exit(GUEST_EXIT_USAGE);
}

bool guest_is(const char *text, size_t len, const char *name)
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

bool guest_next_word(const char **cursor, struct guest_word *ret_word)
{
	const char *p = *cursor;
	const char *end;

	while (is_blank(*p))
		p++;
	if (!*p)
		return false;
	ret_word->key = p;
	while (*p && *p != '=' && !is_blank(*p))
		p++;
	ret_word->key_len = (size_t)(p - ret_word->key);
	for (end = p; *end && !is_blank(*end);)
		end++;
	if (*p != '=')
		guest_refuse("parameters have the form name=value, unlike",
			     ret_word->key, ret_word->key_len);
	ret_word->value = p + 1;
	ret_word->value_len = (size_t)(end - ret_word->value);
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

uint64_t guest_number(const struct guest_word *word, bool with_suffix)
{
	size_t len = word->value_len;
	unsigned int shift = 0;
	uint64_t value = 0;

	if (len && with_suffix)
		shift = suffix_shift(word->value[len - 1]);
	if (shift)
		len--;
	if (!len)
		guest_refuse("a number is missing in", word->value,
			     word->value_len);
	for (size_t i = 0; i < len; i++) {
		if (word->value[i] < '0' || word->value[i] > '9')
			guest_refuse("not a number:", word->value,
				     word->value_len);
		if (value > (UINT64_C(1) << 56) / 10)
			guest_refuse("number too large:", word->value,
				     word->value_len);
		value = value * 10 + (uint64_t)(word->value[i] - '0');
	}
	if (value > UINT64_MAX >> shift >> 1)
		guest_refuse("number too large:", word->value, word->value_len);
	return value << shift;
}
