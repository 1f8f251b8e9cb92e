/* SPDX-License-Identifier: MIT */
/*
 * What a call must say when it fails, to the letter.
 */
#include "support.h"

#include "sentence.h"

#include <string.h>

void expect_sentence(const struct smudge_error *err, int ret, int code,
		     const char *sentence)
{
	if (ret != code || err->code != code || strcmp(err->message, sentence))
		fail_msg("%d, %d \"%s\" instead of %d \"%s\"", ret, err->code,
			 err->message, code, sentence);
}
