/* SPDX-License-Identifier: MIT */
/*
 * A guest's command line: name=value words separated by blanks.
 *
 * What is malformed is refused with one sentence on the serial port and the
 * end of the machine.
 */
#ifndef GUESTS_WORDS_H
#define GUESTS_WORDS_H

#include "machine.h"

/* Each guest has one: the first word of its sentences. */
extern const char guest_name[];

/* The value of the debug-exit port after a refusal; smudge-vm exits with 1. */
#define GUEST_EXIT_USAGE 0

struct guest_word {
	const char *key;
	size_t key_len;
	const char *value;
	size_t value_len;
};

_Noreturn void guest_refuse(const char *why, const char *text, size_t len);

/* Is the text of @len bytes this name? */
bool guest_is(const char *text, size_t len, const char *name);

/* False at the end of the line. */
bool guest_next_word(const char **cursor, struct guest_word *ret);

/* The word's value; with_suffix allows K, M and G behind it. */
uint64_t guest_number(const struct guest_word *word, bool with_suffix);

#endif
