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
