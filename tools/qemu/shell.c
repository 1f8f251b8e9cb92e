/* SPDX-License-Identifier: MIT */
/*
 * Words as a shell takes them.
 */
#include "qemu/shell.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("%+,-./:=@_", c));
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static bool any(const char *word, bool (*is)(char))
{
	for (; *word; word++)
		if (is(*word))
			return true;
	return false;
}

static bool is_special(char c)
{
	return !is_plain(c);
}

static void put_escaped(FILE *stream, const char *word)
{
	fputs("$'", stream);
	for (; *word; word++) {
		if (is_control(*word))
			fprintf(stream, "\\%03o", (unsigned char)*word);
		else if (*word == '\'' || *word == '\\')
			fprintf(stream, "\\%c", *word);
		else
			fputc(*word, stream);
	}
	fputc('\'', stream);
}

static void put_quoted(FILE *stream, const char *word)
{
	fputc('\'', stream);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", stream);
		else
			fputc(*word, stream);
	}
	fputc('\'', stream);
}

/* A "~" or "=" at the begin means something to some shells. */
void shell_put(FILE *stream, const char *word)
{
	if (any(word, is_control))
		put_escaped(stream, word);
	else if (!*word || *word == '=' || any(word, is_special))
		put_quoted(stream, word);
	else
		fputs(word, stream);
}

char *shell_quote(const char *word)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return NULL;
	shell_put(stream, word);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}
