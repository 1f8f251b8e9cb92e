/* SPDX-License-Identifier: MIT */
/*
 * The disk images that a QEMU's command line names.
 */
#include "qemu/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu/options.h"
#include "qemu/properties.h"

static bool is_same(const char *cwd, const char *written, const char *path)
{
	size_t length = cwd ? strlen(cwd) : 0;

	if (written[0] == '/' || !cwd)
		return strcmp(written, path) == 0;
	return strncmp(path, cwd, length) == 0 && path[length] == '/' &&
	       strcmp(path + length + 1, written) == 0;
}

static bool is_file_alone(const struct qemu_option *option)
{
	static const char *const names[] = {"", "hda", "hdb", "hdc", "hdd"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (qemu_option_is(option, names[i]))
			return true;
	return false;
}

static bool names(const struct qemu_option *option, const char *cwd,
		  const char *path)
{
	bool is_named;
	char *file;

	if (!option->value)
		return false;
	if (is_file_alone(option))
		return is_same(cwd, option->value, path);
	if (!qemu_option_is(option, "drive"))
		return false;
	file = qemu_property_value(option->value, "file");
	is_named = file && is_same(cwd, file, path);
	free(file);
	return is_named;
}

bool qemu_names_image(char *const words[], const char *cwd, const char *path)
{
	struct qemu_option option;
	size_t index = 1;

	while (qemu_option_next(words, &index, &option))
		if (names(&option, cwd, path))
			return true;
	return false;
}

/* NULL: out of memory. */
static char *drive_text(const char *value, const char *image)
{
	struct qemu_property property;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return NULL;
	while (qemu_property_next(&value, &property))
		if (!qemu_property_is(&property, "file") &&
		    !qemu_property_is(&property, "format"))
			fprintf(stream, "%.*s,", (int)property.length,
				property.text);
	fputs("format=qcow2,file=", stream);
	qemu_property_put(stream, image);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

bool qemu_replace_image(struct qemu_words *words, const char *cwd,
			const char *path, const char *image)
{
	struct qemu_option option;
	bool is_named = false;
	size_t index = 1;

	while (qemu_option_next(words->words, &index, &option)) {
		char *text;

		if (!names(&option, cwd, path))
			continue;
		is_named = true;
		text = is_file_alone(&option) ? strdup(image)
					      : drive_text(option.value, image);
		if (!text) {
			words->is_out_of_memory = true;
			continue;
		}
		free(words->words[index - 1]);
		words->words[index - 1] = text;
	}
	return is_named;
}
