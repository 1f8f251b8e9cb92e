/* SPDX-License-Identifier: MIT */
/*
 * A command line that is being made.
 */
#ifndef TOOLS_QEMU_WORDS_H
#define TOOLS_QEMU_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct qemu_words {
	char **words; /* NULL-terminated, as for execv; NULL while empty */
	size_t n;
	bool is_out_of_memory; /* a word is missing */
};

/* One more: a copy; or @word itself, which is stolen, and may be NULL if memory
 * ran out. */
void qemu_words_add(struct qemu_words *words, const char *word);
void qemu_words_take(struct qemu_words *words, char *word);
void qemu_words_free(struct qemu_words *words);

#endif
