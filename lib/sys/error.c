/* SPDX-License-Identifier: MIT */
/*
 * An error keeps the first failure; later ones only follow from it. All text of
 * an error passes one filter.
 */
#include "sys/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The kernel's largest errno. */
#define MAX_ERRNO 4095

/* Bytes of the printable UTF-8 character at @text, or 0 if there is none. */
static size_t printable_bytes(const unsigned char *text)
{
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	unsigned int lead = text[0];
	size_t nbytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	uint32_t character = lead & (0x7fu >> nbytes);

	if (lead < 0x80)
		return lead >= 0x20 && lead != 0x7f;
	if (lead < 0xc0 || lead > 0xf4)
		return 0;
	for (size_t i = 1; i < nbytes; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (text[i] & 0x3fu);
	}
	if (character < least[nbytes] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	return nbytes;
}

/* Newlines, escapes and the bytes of a cut character become '?'. */
void smi_sys_error_filter(char *text)
{
	while (*text) {
		size_t nbytes = printable_bytes((const unsigned char *)text);

		if (!nbytes)
			*text = '?';
		text += nbytes ? nbytes : 1;
	}
}

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

void smi_sys_error_keep(struct smudge_error *err,
			const struct smudge_error *own)
{
	if (err && !err->code)
		*err = *own;
}

/* The program's callback may have written into the struct directly. */
static void adopt(struct smudge_error *own, int code)
{
	own->where[sizeof(own->where) - 1] = '\0';
	own->message[sizeof(own->message) - 1] = '\0';
	smi_sys_error_filter(own->where);
	smi_sys_error_filter(own->message);
	if (own->message[0])
		own->code = code;
	else
		smudge_error_clear(own);
}

int smi_sys_callback_check(struct smudge_error *own, int value,
			   const char *where, const char *what)
{
	struct smudge_error theirs;

	if (value == 0) {
		smudge_error_clear(own);
		return 0;
	}
	adopt(own, value);
	if (value < 0 && value >= -MAX_ERRNO && value != -EOWNERDEAD)
		return value;
	theirs = *own;
	own->code = 0;
	smudge_error_set(own, -EIO, where,
			 "%s returned %d, which is neither 0 nor an errno that "
			 "it may return%s%s",
			 what, value, theirs.message[0] ? ": " : "",
			 theirs.message);
	return -EIO;
}
