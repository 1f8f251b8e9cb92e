/* SPDX-License-Identifier: MIT */
/*
 * The properties in an option's value.
 */
#include "qemu/properties.h"

#include <stdlib.h>
#include <string.h>

bool qemu_property_next(const char **text, struct qemu_property *ret_property)
{
	const char *at = *text;

	if (!*at)
		return false;
	while (*at && (*at != ',' || at[1] == ','))
		at += *at == ',' ? 2 : 1;
	ret_property->text = *text;
	ret_property->length = (size_t)(at - *text);
	*text = *at ? at + 1 : at;
	return true;
}

bool qemu_property_is(const struct qemu_property *property, const char *name)
{
	size_t length = strlen(name);

	return property->length >= length &&
	       memcmp(property->text, name, length) == 0 &&
	       (property->length == length || property->text[length] == '=');
}

/* With each comma once. */
static char *plain(const char *text, size_t length)
{
	char *value = malloc(length + 1);
	size_t n = 0;

	for (size_t i = 0; value && i < length; i++) {
		value[n++] = text[i];
		i += text[i] == ',';
	}
	if (value)
		value[n] = '\0';
	return value;
}

char *qemu_property_value(const char *text, const char *name)
{
	size_t skipped = strlen(name) + 1;
	struct qemu_property property;
	char *value = NULL;

	while (qemu_property_next(&text, &property)) {
		if (!qemu_property_is(&property, name) ||
		    property.length < skipped)
			continue;
		free(value);
		value = plain(property.text + skipped,
			      property.length - skipped);
	}
	return value;
}

void qemu_property_put(FILE *stream, const char *value)
{
	for (; *value; value++)
		fprintf(stream, "%s%c", *value == ',' ? "," : "", *value);
}
