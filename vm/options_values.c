/* SPDX-License-Identifier: MIT */
/*
 * Numbers with a unit on the command line.
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define MAX_S UINT64_C(1000000000)

int options_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t value = 0;
	unsigned int shift = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (*text) {
		suffix = strchr(suffixes, toupper((unsigned char)*text));
		if (!suffix || text[1])
			return -EINVAL;
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
	}
	if (shift && value >> (64 - shift))
		return -ERANGE;
	*ret_bytes = value << shift;
	return 0;
}

int options_parse_seconds(const char *text, uint64_t *ret_ms)
{
	uint64_t ms = 0;
	uint64_t unit_ms = 1000;
	const char *c = text;

	for (; *c >= '0' && *c <= '9' && ms < MAX_S * 1000; c++)
		ms = ms * 10 + (uint64_t)(*c - '0') * 1000;
	if (c > text && *c == '.' && c[1])
		for (c++; *c >= '0' && *c <= '9' && unit_ms > 1; c++) {
			unit_ms /= 10;
			ms += (uint64_t)(*c - '0') * unit_ms;
		}
	if (c == text || *c)
		return -EINVAL;
	*ret_ms = ms;
	return 0;
}

/* Digits up to a comma or the end. Return: what follows them, or NULL. */
static const char *parse_count(const char *text, uint64_t *ret_count)
{
	uint64_t count = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9' && count < MAX_S; c++)
		count = count * 10 + (uint64_t)(*c - '0');
	if (c == text || (*c && *c != ','))
		return NULL;
	*ret_count = count;
	return c;
}

/* One of the words. Return: what follows it, or NULL. */
static const char *parse_word(const char *text, struct checkpoint_keep *keep)
{
	const struct {
		const char *name;
		uint64_t *count;
	} words[] = {
		{"last=", &keep->last},
		{"hourly=", &keep->hourly},
		{"daily=", &keep->daily},
		{"weekly=", &keep->weekly},
		{"garbage=", &keep->garbage_percent},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].name);

		if (strncmp(text, words[i].name, length) != 0)
			continue;
		keep->has_garbage |= words[i].count == &keep->garbage_percent;
		return parse_count(text + length, words[i].count);
	}
	return NULL;
}

int options_parse_keep(const char *text, struct checkpoint_keep *ret)
{
	struct checkpoint_keep keep = {0};

	for (;;) {
		text = parse_word(text, &keep);
		if (!text)
			return -EINVAL;
		if (!*text)
			break;
		text++;
	}
	if (!checkpoint_keep_is_any(&keep) || keep.garbage_percent > 100)
		return -EINVAL;
	*ret = keep;
	return 0;
}
