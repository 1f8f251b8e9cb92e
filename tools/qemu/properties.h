/* SPDX-License-Identifier: MIT */
/*
 * The properties in an option's value: "memory-backend-memfd,id=mem,size=1G".
 * A comma in a property's value is written twice.
 */
#ifndef TOOLS_QEMU_PROPERTIES_H
#define TOOLS_QEMU_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* As it is in the text, its commas still twice. */
struct qemu_property {
	const char *text;
	size_t length;
};

/*
 * qemu_property_next - the next property
 * @text: of the value, from where to continue; advanced
 * Return: is there one?
 */
bool qemu_property_next(const char **text, struct qemu_property *ret_property);

/* Is it "name=...", or "name" alone? */
bool qemu_property_is(const struct qemu_property *property, const char *name);

/*
 * qemu_property_value - the value of the last one of a name
 * @text: an option's value
 * Return: with each comma once, freed by the caller; NULL: there is none, or
 * out of memory.
 */
char *qemu_property_value(const char *text, const char *name);

/* A property's value to a stream, each comma twice. */
void qemu_property_put(FILE *stream, const char *value);

#endif
