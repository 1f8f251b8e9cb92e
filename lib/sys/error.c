/* SPDX-License-Identifier: MIT */
/*
 * An error keeps the first failure; later ones only follow from it. All text of
 * an error passes one filter.
 */
#include "sys/error.h"

#include <stdarg.h>
#include <stdio.h>

void smudge_error_clear(struct smudge_error *err)
{
	if (!err)
		return;
	err->code = 0;
	err->where[0] = '\0';
	err->region = SMUDGE_NO_REGION;
	err->page = 0;
	err->stream_offset_bytes = 0;
	err->message[0] = '\0';
}

int smudge_error_set(struct smudge_error *err, int code, const char *where,
		     const char *format, ...)
{
	va_list args;

	if (!err || err->code)
		return code;
	smudge_error_clear(err);
	err->code = code;
	snprintf(err->where, sizeof(err->where), "%s", where);
	smi_sys_error_filter(err->where);
	va_start(args, format);
	vsnprintf(err->message, sizeof(err->message), format, args);
	va_end(args);
	smi_sys_error_filter(err->message);
	return code;
}

void smudge_error_at(struct smudge_error *err, int64_t region, uint64_t page)
{
	if (!err || !err->code || err->region != SMUDGE_NO_REGION)
		return;
	err->region = region;
	err->page = page;
}
