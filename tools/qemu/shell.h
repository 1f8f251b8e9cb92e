/* SPDX-License-Identifier: MIT */
/*
 * Words as a shell takes them.
 */
#ifndef TOOLS_QEMU_SHELL_H
#define TOOLS_QEMU_SHELL_H

#include <stdio.h>

/*
 * shell_put - a word, quoted where it must be
 *
 * For any shell; but a word with control bytes, which a terminal would obey, is
 * quoted as $'...', which dash does not have.
 */
void shell_put(FILE *stream, const char *word);

/* Return: the same as text, freed by the caller; NULL: out of memory. */
char *shell_quote(const char *word);

#endif
