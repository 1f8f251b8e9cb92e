/* SPDX-License-Identifier: MIT */
/*
 * The UNIX sockets that a QEMU's command line listens on: "unix:PATH,server" of
 * several options, and "-chardev socket,path=PATH,server=on".
 */
#include "qemu/sockets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qemu/options.h"
#include "qemu/properties.h"

/* "server", "server=on" */
static bool is_server(const char *value)
{
	struct qemu_property property;
	bool is_one = false;

	while (qemu_property_next(&value, &property)) {
		if (qemu_property_is(&property, "server"))
			is_one = property.length == strlen("server") ||
				 property.text[property.length - 1] != 'f';
	}
	return is_one;
}

/* The path of "unix:PATH,...", freed by the caller. */
static char *path_of(const char *value)
{
	struct qemu_property first;
	char *path, *text;

	if (strncmp(value, "unix:", 5) != 0)
		return NULL;
	value += 5;
	if (!qemu_property_next(&value, &first))
		return NULL;
	/* as the value of a property, to have each comma once */
	text = malloc(first.length + 3);
	if (!text)
		return NULL;
	memcpy(text, "p=", 2);
	memcpy(text + 2, first.text, first.length);
	text[first.length + 2] = '\0';
	path = qemu_property_value(text, "p");
	free(text);
	return path;
}

/* Freed by the caller; NULL: it listens on none. */
static char *listened(const struct qemu_option *option)
{
	if (!option->value)
		return NULL;
	if (qemu_option_is(option, "vnc"))
		return path_of(option->value);
	if (!is_server(option->value))
		return NULL;
	if (qemu_option_is(option, "chardev"))
		return qemu_property_value(option->value, "path");
	return path_of(option->value);
}

int qemu_each_listened(char *const words[],
		       int (*found)(void *opaque, const char *path),
		       void *opaque)
{
	struct qemu_option option;
	size_t index = 1;
	int ret = 0;

	while (!ret && qemu_option_next(words, &index, &option)) {
		char *path = listened(&option);

		ret = path ? found(opaque, path) : 0;
		free(path);
	}
	return ret;
}

static char *chardev_path(char *const words[], const char *id)
{
	struct qemu_option option;
	char *path = NULL;
	size_t index = 1;

	while (!path && qemu_option_next(words, &index, &option)) {
		char *name = NULL;

		if (qemu_option_is(&option, "chardev") && option.value)
			name = qemu_property_value(option.value, "id");
		if (name && strcmp(name, id) == 0)
			path = listened(&option);
		free(name);
	}
	return path;
}

/* "-mon chardev=ID,mode=control", or "-mon ID,mode=control" */
static char *mon_path(char *const words[], const char *value)
{
	char *mode = qemu_property_value(value, "mode");
	char *id = qemu_property_value(value, "chardev");
	char *path = NULL;

	if (!id)
		id = strndup(value, strcspn(value, ","));
	if (mode && id && strcmp(mode, "control") == 0)
		path = chardev_path(words, id);
	free(mode);
	free(id);
	return path;
}

char *qemu_find_monitor(char *const words[])
{
	struct qemu_option option;
	char *path = NULL;
	size_t index = 1;

	while (!path && qemu_option_next(words, &index, &option)) {
		if (qemu_option_is(&option, "qmp") ||
		    qemu_option_is(&option, "qmp-pretty"))
			path = listened(&option);
		else if (qemu_option_is(&option, "mon") && option.value)
			path = mon_path(words, option.value);
	}
	return path;
}
