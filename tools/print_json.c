/* SPDX-License-Identifier: MIT */
/*
 * JSON on stdout.
 *
 * The text is complete before any of it is printed: json_dumpf stops in the
 * middle, or prints nothing, if memory runs out.
 */
#include "print_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

int print_json(const json_t *value, size_t flags, struct smudge_error *err)
{
	size_t size = value ? json_dumpb(value, NULL, 0, flags) : 0;
	char *text = size ? malloc(size + 1) : NULL;
	int ret = 0;

	if (!text || json_dumpb(value, text, size, flags) != size) {
		free(text);
		return smudge_error_set(err, -ENOMEM, "json",
					"out of memory for the output");
	}
	text[size] = '\n';
	if (fwrite(text, 1, size + 1, stdout) != size + 1 || fflush(stdout))
		ret = smudge_error_set(err, -errno, "json",
				       "cannot write to standard output: %s",
				       strerror(errno));
	free(text);
	return ret;
}
