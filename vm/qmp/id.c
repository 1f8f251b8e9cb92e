/* SPDX-License-Identifier: MIT */
/*
 * Cuts the id out of a request, and checks it.
 *
 * jansson cannot hold some numbers and some escapes, but nothing else. So to
 * check an id, a copy of it has every number replaced by 0 and every \uXXXX by
 * \u0041, each after its own syntax was checked. jansson judges the rest.
 */
#include "qmp/id.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_blanks(const char *bytes, size_t len, size_t at)
{
	while (at < len && is_blank(bytes[at]))
		at++;
	return at;
}

/*
 * @at: the opening quote. Returns the place after the closing one.
 */
static size_t skip_string(const char *bytes, size_t len, size_t at)
{
	for (at++; at < len && bytes[at] != '"'; at++) {
		if (bytes[at] == '\\')
			at++;
	}
	return at < len ? at + 1 : len;
}

/* Returns the place of the ',' or bracket that ends a member's value. */
static size_t skip_value(const char *bytes, size_t len, size_t at)
{
	size_t depth = 0;

	while (at < len) {
		char c = bytes[at];

		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return at;
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		at = c == '"' ? skip_string(bytes, len, at) : at + 1;
	}
	return len;
}

/* A key may be spelled with escapes: "\u0069d" is "id" too. */
static bool is_id_key(const char *key, size_t len)
{
	json_t *name;
	bool is_id;

	if (!memchr(key, '\\', len))
		return len == 4 && memcmp(key, "\"id\"", 4) == 0;
	name = json_loadb(key, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	is_id = json_string_length(name) == 2 &&
		memcmp(json_string_value(name), "id", 2) == 0;
	json_decref(name);
	return is_id;
}

/* Finds [*ret_start, *ret_end), the value of the first "id". */
static bool find_id(const char *bytes, size_t len, size_t *ret_start,
		    size_t *ret_end)
{
	size_t at = 0;

	if (!len || bytes[0] != '{')
		return false;
	do {
		size_t key = skip_blanks(bytes, len, at + 1), end;
		bool is_id;

		if (key >= len || bytes[key] != '"')
			return false;
		at = skip_string(bytes, len, key);
		is_id = is_id_key(bytes + key, at - key);
		at = skip_blanks(bytes, len, at);
		if (at >= len || bytes[at] != ':')
			return false;
		*ret_start = skip_blanks(bytes, len, at + 1);
		at = end = skip_value(bytes, len, *ret_start);
		while (end > *ret_start && is_blank(bytes[end - 1]))
			end--;
		*ret_end = end;
		if (is_id)
			return end > *ret_start;
	} while (at < len && bytes[at] == ',');
	return false;
}

static const char *skip_digits(const char *text)
{
	while (isdigit((unsigned char)*text))
		text++;
	return text;
}

/*
 * The place after the number at @text, or NULL when it is not a JSON number.
 */
static const char *skip_number(const char *text)
{
	const char *digits = text + (*text == '-');
	const char *end = skip_digits(digits);

	if (end == digits || (*digits == '0' && end > digits + 1))
		return NULL;
	if (*end == '.') {
		digits = end + 1;
		end = skip_digits(digits);
		if (end == digits)
			return NULL;
	}
	if (*end == 'e' || *end == 'E') {
		digits = end + 1;
		digits += *digits == '+' || *digits == '-';
		end = skip_digits(digits);
		if (end == digits)
			return NULL;
	}
	return end;
}

/* Blanks separate the number from the next token. */
static char *blank_number(char *text)
{
	const char *end = skip_number(text);

	if (!end)
		return NULL;
	*text = '0';
	memset(text + 1, ' ', (size_t)(end - text) - 1);
	return text + (end - text);
}

/* The four digits of a \u escape become those of 'A'. False: not digits. */
static bool replace_code(char *digits)
{
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char)digits[i]))
			return false;
	memcpy(digits, "0041", 4);
	return true;
}

/* @text: after the opening quote. Returns the place after the closing one. */
static char *blank_escapes(char *text)
{
	for (; *text && *text != '"'; text++) {
		if (*text != '\\')
			continue;
		if (!*++text)
			return NULL;
		if (*text == 'u' && !replace_code(text + 1))
			return NULL;
	}
	return *text ? text + 1 : NULL;
}

/* Checks a copy of the id, which it overwrites. */
static bool is_json(char *text)
{
	char *at = text;
	json_t *value;

	while (at && *at) {
		if (*at == '"')
			at = blank_escapes(at + 1);
		else if (*at == '-' || isdigit((unsigned char)*at))
			at = blank_number(at);
		else
			at++;
	}
	if (!at)
		return false;
	value = json_loads(text, JSON_DECODE_ANY, NULL);
	json_decref(value);
	return value != NULL;
}

int qmp_id_take(char *bytes, size_t len, char **ret_id)
{
	size_t start, end;
	char *id, *copy;
	bool is_valid;

	*ret_id = NULL;
	if (!find_id(bytes, len, &start, &end))
		return 0;
	id = strndup(bytes + start, end - start);
	copy = id ? strdup(id) : NULL;
	if (!copy) {
		free(id);
		return -ENOMEM;
	}
	/* a NUL byte cuts the copy short */
	is_valid = strlen(id) == end - start && is_json(copy);
	free(copy);
	if (!is_valid) {
		free(id);
		return -EINVAL;
	}
	for (char *c = id; *c; c++) {
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	memset(bytes + start, ' ', end - start);
	bytes[start] = '0';
	*ret_id = id;
	return 0;
}
