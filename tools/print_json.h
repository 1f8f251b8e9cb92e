/* SPDX-License-Identifier: MIT */
/*
 * JSON on stdout.
 */
#ifndef TOOLS_PRINT_JSON_H
#define TOOLS_PRINT_JSON_H

#include <jansson.h>

struct smudge_error;

/*
 * print_json - print a value and a newline
 * @flags: jansson's
 * Return: 0, -ENOMEM, or stdout's -errno, with one sentence.
 */
int print_json(const json_t *value, size_t flags, struct smudge_error *err);

#endif
