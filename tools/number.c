/* SPDX-License-Identifier: MIT */
/*
 * Strict decimal numbers.
 */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, uint64_t max, uint64_t *ret_value)
{
	unsigned long long value;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno || value > max)
		return false;
	*ret_value = value;
	return true;
}
