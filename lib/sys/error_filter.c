/* SPDX-License-Identifier: MIT */
/*
 * The filter that all text of an error passes.
 */
#include <stddef.h>
#include <stdint.h>

#include "sys/error.h"

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
