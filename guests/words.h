/* SPDX-License-Identifier: MIT */
/*
 * What a guest is told and what it tells: name=value words separated by blanks
 * on the command line, and lines of words and numbers on the serial port.
 *
 * What is malformed is refused with one sentence on the serial port and the
 * end of the machine.
 */
#ifndef GUESTS_WORDS_H
#define GUESTS_WORDS_H

#include "machine.h"

/* Each guest has one: the first word of its sentences. */
extern const char guest_name[];

/* Errors of one kind that are told in full; the others are counted. */
#define GUEST_ERRORS_SHOWN 8

struct guest_count {
	const char *word; /* NULL after the last one */
	uint64_t number;
};

/* The line "NAME: WORD NUMBER WORD NUMBER ...". */
void guest_tell(const struct guest_count *counts);
/* The line "NAME: error TEXT". */
void guest_tell_error(const char *text);
/* A longer line: its start "NAME: error TEXT". */
void guest_begin_error(const char *text);
/* And its end "TEXT EXPECTED found FOUND". */
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
bool guest_next_word(const char **cursor, struct guest_word *ret);

/* The word's value; with_suffix allows K, M and G behind it. */
uint64_t guest_number(const struct guest_word *word, bool with_suffix);

#endif
