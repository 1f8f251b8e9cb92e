/* SPDX-License-Identifier: MIT */
/*
 * A QEMU's command line as it must be to continue from a checkpoint.
 *
 * A memory backend may be "-object memory-backend-memfd,id=mem,size=1G" or
 * "-object {"qom-type": ...}". Only those that the layer has are touched.
 */
#include "qemu/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <smudge/error.h>

#include "qemu/options.h"
#include "qemu/properties.h"

#define NAME "restore"

struct rewrite {
	const struct qemu_backend_file *files;
	size_t nfiles;
	size_t nfound; /* of them */
	struct qemu_words *words;
};

/* What is said anew, and what a file has not or must not have. */
static const char *const replaced[] = {
	"qom-type", "size",	    "share", "mem-path",
	"hugetlb",  "hugetlbsize",  "seal",  "readonly",
	"rom",	    "discard-data", "pmem",
};

#define NREPLACED (sizeof(replaced) / sizeof(replaced[0]))

static const struct qemu_backend_file *find(struct rewrite *rewrite,
					    const char *id)
{
	for (size_t i = 0; id && i < rewrite->nfiles; i++)
		if (strcmp(rewrite->files[i].id, id) == 0)
			return &rewrite->files[i];
	return NULL;
}

static bool is_replaced(const struct qemu_property *property)
{
	for (size_t i = 0; i < NREPLACED; i++)
		if (qemu_property_is(property, replaced[i]))
			return true;
	return false;
}

/* NULL: out of memory. */
static char *backend_text(const char *value,
			  const struct qemu_backend_file *file)
{
	struct qemu_property property;
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);

	if (!stream)
		return NULL;
	fputs("memory-backend-file", stream);
	/* the first one is the kind, which may be named, anywhere */
	while (qemu_property_next(&value, &property)) {
		if (is_replaced(&property) ||
		    !memchr(property.text, '=', property.length))
			continue;
		fprintf(stream, ",%.*s", (int)property.length, property.text);
	}
	fprintf(stream,
		",size=%" PRIu64 ",share=on,mem-path=", file->size_bytes);
	qemu_property_put(stream, file->path);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

static char *backend_json(json_t *object, const struct qemu_backend_file *file)
{
	int ret = 0;

	for (size_t i = 0; i < NREPLACED; i++)
		json_object_del(object, replaced[i]);
	ret |= json_object_set_new(object, "qom-type",
				   json_string("memory-backend-file"));
	ret |= json_object_set_new(object, "size",
				   json_integer((json_int_t)file->size_bytes));
	ret |= json_object_set_new(object, "share", json_true());
	ret |= json_object_set_new(object, "mem-path", json_string(file->path));
	return ret ? NULL : json_dumps(object, JSON_COMPACT);
}

/* Return: is it one of the memory backends? Then it is added. */
static bool add_json_backend(struct rewrite *rewrite, const char *value)
{
	json_t *object = json_loads(value, 0, NULL);
	const struct qemu_backend_file *file =
		find(rewrite, json_string_value(json_object_get(object, "id")));

	if (file) {
		qemu_words_add(rewrite->words, "-object");
		qemu_words_take(rewrite->words, backend_json(object, file));
	}
	json_decref(object);
	return file != NULL;
}

static bool add_text_backend(struct rewrite *rewrite, const char *value)
{
	char *id = qemu_property_value(value, "id");
	const struct qemu_backend_file *file = find(rewrite, id);

	if (file) {
		qemu_words_add(rewrite->words, "-object");
		qemu_words_take(rewrite->words, backend_text(value, file));
	}
	free(id);
	return file != NULL;
}

static bool add_backend(struct rewrite *rewrite,
			const struct qemu_option *option)
{
	bool is_one;

	if (!qemu_option_is(option, "object") || !option->value)
		return false;
	is_one = option->value[0] == '{'
			 ? add_json_backend(rewrite, option->value)
			 : add_text_backend(rewrite, option->value);
	rewrite->nfound += is_one;
	return is_one;
}

/* Of a machine that continues, these are of the past. */
static bool is_of_the_past(const struct qemu_option *option)
{
	const char *key = NULL;
	char *id;
	bool is_ours;

	if (qemu_option_is(option, "incoming") ||
	    qemu_option_is(option, "loadvm") ||
	    qemu_option_is(option, "preconfig"))
		return true;
	if (qemu_option_is(option, "chardev"))
		key = "id";
	else if (qemu_option_is(option, "mon"))
		key = "chardev";
	if (!key || !option->value)
		return false;
	id = qemu_property_value(option->value, key);
	is_ours = id && strcmp(id, QEMU_RESTORE_MONITOR) == 0;
	free(id);
	return is_ours;
}

/* Is the type the word alone, or that of a property? */
static bool says_type(const struct qemu_option *option, const char *type)
{
	const char *value = option->value;
	struct qemu_property first;
	char *named;
	bool is_said;

	if ((!qemu_option_is(option, "machine") &&
	     !qemu_option_is(option, "M")) ||
	    !value || !qemu_property_next(&value, &first))
		return false;
	if (first.length == strlen(type) &&
	    memcmp(first.text, type, first.length) == 0)
		return true;
	named = qemu_property_value(option->value, "type");
	is_said = named && strcmp(named, type) == 0;
	free(named);
	return is_said;
}

/* Later -machine options add to earlier ones. */
static void add_type(struct qemu_words *words, const char *type)
{
	char *text = NULL;

	if (asprintf(&text, "type=%s", type) < 0)
		text = NULL;
	qemu_words_add(words, "-machine");
	qemu_words_take(words, text);
}

static int finish(const struct rewrite *rewrite, struct smudge_error *err)
{
	if (rewrite->words->is_out_of_memory)
		return smudge_error_set(err, -ENOMEM, NAME,
					"out of memory for a command line");
	if (rewrite->nfound < rewrite->nfiles)
		return smudge_error_set(
			err, -ENOENT, NAME,
			"the command line has %zu of the guest's %zu memory "
			"backends, the first of which is '%.60s': where they "
			"came from a configuration file or by QMP, give the "
			"whole command line after --",
			rewrite->nfound, rewrite->nfiles, rewrite->files[0].id);
	return 0;
}

int qemu_arguments_restore(char *const words[], const char *type,
			   const struct qemu_backend_file *files, size_t nfiles,
			   struct qemu_words *ret_words,
			   struct smudge_error *err)
{
	struct rewrite rewrite = {
		.files = files, .nfiles = nfiles, .words = ret_words};
	struct qemu_option option;
	bool is_type_said = !type;
	size_t index = 1;

	*ret_words = (struct qemu_words){0};
	if (!words || !words[0])
		return smudge_error_set(err, -EINVAL, NAME,
					"the layer has no command line of its "
					"machine; give one after --");
	qemu_words_add(ret_words, words[0]);
	while (qemu_option_next(words, &index, &option)) {
		if (is_of_the_past(&option) || add_backend(&rewrite, &option))
			continue;
		is_type_said |= type && says_type(&option, type);
		for (size_t i = 0; i < option.nwords; i++)
			qemu_words_add(ret_words, option.words[i]);
	}
	if (!is_type_said)
		add_type(ret_words, type);
	qemu_words_add(ret_words, "-incoming");
	qemu_words_add(ret_words, "defer");
	return finish(&rewrite, err);
}

void qemu_arguments_add_monitor(struct qemu_words *words, int fd)
{
	struct qemu_words old = *words;
	struct qemu_option option;
	char *chardev = NULL;
	size_t index = 1;

	*words = (struct qemu_words){.is_out_of_memory = old.is_out_of_memory};
	qemu_words_add(words, old.words[0]);
	while (qemu_option_next(old.words, &index, &option))
		for (size_t i = 0; i < option.nwords; i++)
			if (!qemu_option_is(&option, "daemonize"))
				qemu_words_add(words, option.words[i]);
	if (asprintf(&chardev, "socket,id=%s,fd=%d", QEMU_RESTORE_MONITOR, fd) <
	    0)
		chardev = NULL;
	qemu_words_add(words, "-chardev");
	qemu_words_take(words, chardev);
	qemu_words_add(words, "-mon");
	qemu_words_add(words, "chardev=" QEMU_RESTORE_MONITOR ",mode=control");
	qemu_words_free(&old);
}
