/* SPDX-License-Identifier: MIT */
/*
 * Texts in memory.
 */
#include "rate/buffer.h"

#include <errno.h>
#include <stdlib.h>

int rate_buffer_open(struct rate_buffer *buffer)
{
	*buffer = (struct rate_buffer){0};
	buffer->out = open_memstream(&buffer->text, &buffer->len);
	return buffer->out ? 0 : -ENOMEM;
}

int rate_buffer_close(struct rate_buffer *buffer, int ret, char **ret_text,
		      size_t *ret_len)
{
	if (!ret && ferror(buffer->out))
		ret = -ENOMEM;
	if (fclose(buffer->out) && !ret)
		ret = -ENOMEM;
	if (ret) {
		free(buffer->text);
		return ret;
	}
	*ret_text = buffer->text;
	if (ret_len)
		*ret_len = buffer->len;
	return 0;
}
