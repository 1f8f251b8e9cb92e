/* SPDX-License-Identifier: MIT */
/*
 * What a call must say when it fails, to the letter.
 */
#ifndef TESTS_SUPPORT_SENTENCE_H
#define TESTS_SUPPORT_SENTENCE_H

#include <smudge/error.h>

/* The call returned @ret, and @err is the one it was given. */
void expect_sentence(const struct smudge_error *err, int ret, int code,
		     const char *sentence);

#endif
