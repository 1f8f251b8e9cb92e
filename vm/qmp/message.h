/* SPDX-License-Identifier: MIT */
/*
 * QMP's messages: greeting, replies, errors, events, and the check of a
 * command's arguments.
 *
 * Sentences that QEMU has too are kept as QEMU writes them, capital letter
 * included, since clients may compare them. All others are in lower case.
 * Functions that return json_t give a new reference, or NULL without memory.
 */
#ifndef VM_QMP_MESSAGE_H
#define VM_QMP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define QMP_CLASS_GENERIC    "GenericError"
#define QMP_CLASS_NOT_FOUND  "CommandNotFound"
#define QMP_CLASS_NOT_ACTIVE "DeviceNotActive"

struct smudge_error;

struct qmp_error {
	const char *class; /* a constant; NULL while */
	char desc[320];
};

/*
 * A string as JSON. In text that is not UTF-8, such as a name that was cut
 * within a character, every byte that is not plain ASCII becomes '?'. NULL: no
 * memory.
 */
json_t *qmp_text(const char *text);

/* Set the error, unless one is set already. Returns NULL for "return ...;". */
json_t *qmp_error_set(struct qmp_error *err, const char *class,
		      const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The result of a command that has no answer: {} if @ret is 0; else NULL, and
 * the sentence of @why is noted.
 */
json_t *qmp_empty_result(int ret, const struct smudge_error *why,
			 struct qmp_error *err);

enum qmp_type {
	QMP_END, /* ends a list of parameters */
	QMP_STRING,
	QMP_INTEGER,
	QMP_BOOLEAN,
	QMP_LIST,
};

struct qmp_parameter {
	const char *name;
	enum qmp_type type;
	bool required;
};

/*
 * qmp_check_arguments - each argument is known, of its type, none is missing
 * @parameters: ended by QMP_END; NULL for none
 * @arguments: an object, or NULL for none
 */
bool qmp_check_arguments(const struct qmp_parameter *parameters,
			 const json_t *arguments, struct qmp_error *err);

json_t *qmp_version(void); /* for query-version and the greeting */
json_t *qmp_greeting(void);
json_t *qmp_reply(json_t *result); /* @result is stolen */
json_t *qmp_reply_error(const struct qmp_error *err);
/* @data is stolen, NULL for none; stamped with the time of the call. */
json_t *qmp_event(const char *name, json_t *data);

/*
 * qmp_line - a message as one line, as it is sent
 * @id: text of the request's id (qmp/id.h), which becomes the last member; or
 *      NULL
 *
 * Return: the line, which the caller frees; NULL: no memory.
 */
char *qmp_line(const json_t *message, const char *id, size_t *ret_len);

#endif
