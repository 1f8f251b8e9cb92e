/* SPDX-License-Identifier: MIT */
/*
 * The first failure is kept; the rest are its echo.
 */
#include <smudge/error.h>

#include <stdarg.h>
#include <stdio.h>

int smudge_error_set(struct smudge_error *err, int code, const char *where,
		     const char *format, ...)
{
	va_list args;

	if (!err || err->code)
		return code;
	err->code = code;
	err->region = SMUDGE_NO_REGION;
	snprintf(err->where, sizeof(err->where), "%s", where);
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	return code;
}

void smudge_error_at(struct smudge_error *err, int64_t region, uint64_t page)
{
	if (!err || !err->code || err->region != SMUDGE_NO_REGION)
		return;
	err->region = region;
	err->page = page;
}
