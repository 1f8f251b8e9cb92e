/* SPDX-License-Identifier: MIT */
/*
 * A text that is written as to a file, and is complete or not there.
 */
#ifndef TOOLS_RATE_BUFFER_H
#define TOOLS_RATE_BUFFER_H

#include <stdio.h>

struct rate_buffer {
	FILE *out;
	char *text;
	size_t len;
};

/* Return: 0 or -ENOMEM. */
int rate_buffer_open(struct rate_buffer *buffer);

/*
 * rate_buffer_close - the text that was written to @buffer->out
 * @ret: what the writer returned; negative: nothing is handed over
 * @ret_text: freed by the caller, ended by a zero byte
 * @ret_len: may be NULL
 *
 * Return: 0, @ret, or -ENOMEM.
 */
int rate_buffer_close(struct rate_buffer *buffer, int ret, char **ret_text,
		      size_t *ret_len);

#endif
