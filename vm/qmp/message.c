/* SPDX-License-Identifier: MIT */
/*
 * Makes QMP's messages, and checks the arguments of commands.
 */
#include "qmp/message.h"

#include <smudge/smudge.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *qmp_text(const char *text)
{
	json_t *string = json_string(text);
	char *ascii = string ? NULL : strdup(text);

	if (!ascii)
		return string;
	for (char *c = ascii; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	string = json_string(ascii);
	free(ascii);
	return string;
}

json_t *qmp_error_set(struct qmp_error *err, const char *class,
		      const char *format, ...)
{
	va_list args;

	if (err->class)
		return NULL;
	err->class = class;
	va_start(args, format);
	vsnprintf(err->desc, sizeof(err->desc), format, args);
	va_end(args);
	return NULL;
}

static bool has_type(const json_t *value, enum qmp_type type)
{
	switch (type) {
	case QMP_STRING:
		return json_is_string(value);
	case QMP_INTEGER:
		return json_is_integer(value);
	case QMP_BOOLEAN:
		return json_is_boolean(value);
	case QMP_LIST:
		return json_is_array(value);
	case QMP_END:
		break;
	}
	return false;
}

static const char *type_name(enum qmp_type type)
{
	static const char *const names[] = {
		[QMP_STRING] = "string",
		[QMP_INTEGER] = "integer",
		[QMP_BOOLEAN] = "boolean",
		[QMP_LIST] = "array",
	};

	return names[type];
}

static const struct qmp_parameter *
find_parameter(const struct qmp_parameter *list, const char *name)
{
	for (; list && list->type != QMP_END; list++) {
		if (strcmp(list->name, name) == 0)
			return list;
	}
	return NULL;
}

static bool check_present(const struct qmp_parameter *parameters,
			  const json_t *arguments, struct qmp_error *err)
{
	json_t *object = (json_t *)arguments; /* jansson iterates non-const */
	const struct qmp_parameter *known;
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		known = find_parameter(parameters, name);
		if (!known) {
			qmp_error_set(err, QMP_CLASS_GENERIC,
				      "Parameter '%.64s' is unexpected", name);
			return false;
		}
		if (!has_type(value, known->type)) {
			qmp_error_set(err, QMP_CLASS_GENERIC,
				      "Invalid parameter type for '%s', "
				      "expected: %s",
				      name, type_name(known->type));
			return false;
		}
	}
	return true;
}

bool qmp_check_arguments(const struct qmp_parameter *parameters,
			 const json_t *arguments, struct qmp_error *err)
{
	if (!check_present(parameters, arguments, err))
		return false;
	for (const struct qmp_parameter *p = parameters;
	     p && p->type != QMP_END; p++) {
		if (p->required && !json_object_get(arguments, p->name)) {
			qmp_error_set(err, QMP_CLASS_GENERIC,
				      "Parameter '%s' is missing", p->name);
			return false;
		}
	}
	return true;
}

json_t *qmp_version(void)
{
	int number = smudge_version_number();

	/* clients look for the version under this key */
	return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major",
			 number / SMUDGE_VERSION_OF(1, 0, 0), "minor",
			 number / SMUDGE_VERSION_OF(0, 1, 0) % 1000, "micro",
			 number % 1000, "package", "smudge-vm");
}

json_t *qmp_greeting(void)
{
	return json_pack("{s:{s:o, s:[]}}", "QMP", "version", qmp_version(),
			 "capabilities");
}

json_t *qmp_empty_result(int ret, const struct smudge_error *why,
			 struct qmp_error *err)
{
	if (ret)
		return qmp_error_set(err, QMP_CLASS_GENERIC, "%s",
				     why->message);
	return json_object();
}

json_t *qmp_reply(json_t *result)
{
	return json_pack("{s:o}", "return", result);
}

json_t *qmp_reply_error(const struct qmp_error *err)
{
	return json_pack("{s:{s:s, s:o}}", "error", "class", err->class, "desc",
			 qmp_text(err->desc));
}

json_t *qmp_event(const char *name, json_t *data)
{
	struct timespec now = {0};
	json_t *message;

	clock_gettime(CLOCK_REALTIME, &now);
	message = json_pack("{s:s, s:{s:I, s:I}}", "event", name, "timestamp",
			    "seconds", (json_int_t)now.tv_sec, "microseconds",
			    (json_int_t)(now.tv_nsec / 1000));
	if (message && data)
		json_object_set_new(message, "data", data);
	else
		json_decref(data);
	return message;
}

/*
 * Ask for the size first: when json_dumps cannot grow its buffer, it leaves an
 * object's key out and returns success (jansson 2.14).
 */
static char *dump(const json_t *message)
{
	size_t size = message ? json_dumpb(message, NULL, 0, 0) : 0;
	char *text = size ? malloc(size + 1) : NULL;

	if (!text)
		return NULL;
	if (json_dumpb(message, text, size, 0) != size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

char *qmp_line(const json_t *message, const char *id, size_t *ret_len)
{
	char *text = dump(message);
	char *line = NULL;
	int len = -1;

	/* an object: the id is inserted before its last byte, the bracket */
	if (text && id)
		len = asprintf(&line, "%.*s, \"id\": %s}\r\n",
			       (int)strlen(text) - 1, text, id);
	else if (text)
		len = asprintf(&line, "%s\r\n", text);
	free(text);
	if (len < 0)
		return NULL;
	*ret_len = (size_t)len;
	return line;
}
