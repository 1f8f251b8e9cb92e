/* SPDX-License-Identifier: MIT */
/*
 * The options of a QEMU's command line, as QEMU finds them: which word is an
 * option, and which is the value of the one before it.
 */
#ifndef TOOLS_QEMU_OPTIONS_H
#define TOOLS_QEMU_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct qemu_option {
	const char *name;  /* without dashes; "" for a disk's file alone */
	const char *value; /* NULL: it has none */
	char *const *words;
	size_t nwords; /* 1 or 2 */
};

/*
 * qemu_option_next - the next option
 * @words: NULL-terminated; the first one is the program
 * @index: of the next word; 1 at the begin. Advanced
 *
 * An option that is not known has a value. Return: is there one?
 */
bool qemu_option_next(char *const words[], size_t *index,
		      struct qemu_option *ret_option);

/* Is it that one, by its name without dashes? */
bool qemu_option_is(const struct qemu_option *option, const char *name);

#endif
