/* SPDX-License-Identifier: MIT */
/*
 * Strict decimal numbers; number.h says why.
 */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;

	if (!*text || text[strspn(text, "0123456789")])
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno || value > max)
		return false;
	*ret = value;
	return true;
}
