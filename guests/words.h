/* SPDX-License-Identifier: MIT */
/*
 * A guest's input and output: name=value words separated by blanks on the
 * command line, and lines of words and numbers on the serial port.
 *
 * A malformed word is refused: the guest prints one sentence on the serial port
 * and ends the machine.
 */
#ifndef GUESTS_WORDS_H
#define GUESTS_WORDS_H

#include "machine.h"

/* Each guest defines it: the first word of its lines. */
extern const char guest_name[];

/* How many errors of a kind are printed; further ones are only counted. */
#define GUEST_ERRORS_SHOWN 8

struct guest_count {
	const char *word; /* NULL after the last one */
	uint64_t number;
};

/* The line "NAME: WORD NUMBER WORD NUMBER ...". */
void guest_tell(const struct guest_count *counts);
/* The line "NAME: error TEXT". */
void guest_tell_error(const char *text);
/* The start of a longer line, "NAME: error TEXT". */
void guest_begin_error(const char *text);
/* The end of that line, "TEXT EXPECTED found FOUND". */
void guest_end_error(const char *text, uint64_t expected, uint64_t found);

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
bool guest_next_word(const char **cursor, struct guest_word *ret_word);

/* The word's value; with_suffix allows K, M and G behind it. */
uint64_t guest_number(const struct guest_word *word, bool with_suffix);

#endif
