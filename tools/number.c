/* SPDX-License-Identifier: MIT */
/*
 * Strict decimal numbers.
 */
#include "number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The digits at the beginning of @text; what follows them is at @ret_rest. */
static bool parse_digits(const char *text, uint64_t *ret_value,
			 const char **ret_rest)
{
	unsigned long long value;
	size_t digits = strspn(text, "0123456789");

	errno = 0;
	value = strtoull(text, NULL, 10);
	if (!digits || errno)
		return false;
	*ret_value = value;
	*ret_rest = text + digits;
	return true;
}

bool number_parse(const char *text, uint64_t max, uint64_t *ret_value)
{
	const char *rest;
	uint64_t value;

	if (!parse_digits(text, &value, &rest) || *rest || value > max)
		return false;
	*ret_value = value;
	return true;
}

bool number_parse_tenths(const char *text, uint64_t max_whole,
			 uint64_t *ret_tenths)
{
	const char *rest;
	uint64_t whole;
	uint64_t tenths = 0;

	if (!parse_digits(text, &whole, &rest) || whole > max_whole)
		return false;
	if (*rest &&
	    (*rest != '.' || !number_parse(rest + 1, 9, &tenths) || rest[2]))
		return false;
	if (!whole && !tenths)
		return false;
	*ret_tenths = whole * 10 + tenths;
	return true;
}

bool number_parse_bytes(const char *text, uint64_t max, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	const char *rest;
	uint64_t value;
	unsigned int shift = 0;

	if (!parse_digits(text, &value, &rest))
		return false;
	if (*rest) {
		suffix = strchr(suffixes, toupper((unsigned char)*rest));
		if (!suffix || rest[1])
			return false;
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
	}
	if (value > max >> shift)
		return false;
	*ret_bytes = value << shift;
	return true;
}
