/* SPDX-License-Identifier: MIT */
/*
 * A command line that is being made.
 */
#include "qemu/words.h"

#include <stdlib.h>
#include <string.h>

void qemu_words_take(struct qemu_words *words, char *word)
{
	char **grown =
		word ? realloc(words->words, (words->n + 2) * sizeof(*grown))
		     : NULL;

	if (!grown) {
		words->is_out_of_memory = true;
		free(word);
		return;
	}
	grown[words->n++] = word;
	grown[words->n] = NULL;
	words->words = grown;
}

void qemu_words_add(struct qemu_words *words, const char *word)
{
	qemu_words_take(words, strdup(word));
}

void qemu_words_free(struct qemu_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->words[i]);
	free(words->words);
	*words = (struct qemu_words){0};
}
