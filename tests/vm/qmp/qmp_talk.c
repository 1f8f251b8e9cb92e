/* SPDX-License-Identifier: MIT */
/*
 * Talks to a QMP session without a socket.
 */
#include "qmp_talk.h"

#include <string.h>

static json_t *execute(void *opaque, const char *command,
		       const json_t *arguments, struct qmp_error *err)
{
	struct qmp_talk *talk = opaque;

	talk->runs++;
	if (strcmp(command, "echo") == 0)
		return arguments ? json_deep_copy(arguments) : json_object();
	if (strcmp(command, "fail") == 0)
		return qmp_error_set(err, QMP_CLASS_GENERIC, "as asked");
	return qmp_error_set(err, QMP_CLASS_NOT_FOUND,
			     "The command %s has not been found", command);
}

void qmp_talk_start(struct qmp_talk *talk, bool negotiated)
{
	const struct qmp_handler handler = {talk, execute, NULL};
	json_t *greeting;

	talk->runs = 0;
	talk->session = qmp_session_create(&handler);
	assert_non_null(talk->session);
	greeting = qmp_talk_receive(talk);
	assert_non_null(json_object_get(greeting, "QMP"));
	json_decref(greeting);
	if (!negotiated)
		return;
	qmp_talk_say(talk, "{\"execute\": \"qmp_capabilities\"}");
	qmp_talk_expect_return(talk, NULL);
}

void qmp_talk_end(struct qmp_talk *talk)
{
	qmp_session_destroy(talk->session);
	talk->session = NULL;
}

void qmp_talk_say(struct qmp_talk *talk, const char *text)
{
	qmp_session_input(talk->session, text, strlen(text));
}

json_t *qmp_talk_receive(struct qmp_talk *talk)
{
	size_t len = 0;
	const char *text = qmp_session_output(talk->session, &len);
	const char *end = len ? memchr(text, '\n', len) : NULL;
	json_t *reply;

	if (!end) {
		fail_msg("no reply");
		return NULL;
	}
	reply = json_loadb(text, (size_t)(end - text), 0, NULL);
	assert_non_null(reply);
	qmp_session_sent(talk->session, (size_t)(end - text) + 1);
	return reply;
}

void qmp_talk_receive_text(struct qmp_talk *talk, char *text, size_t size)
{
	size_t len = 0;
	const char *bytes = qmp_session_output(talk->session, &len);
	const char *end = len ? memchr(bytes, '\r', len) : NULL;

	assert_non_null(end);
	assert_true((size_t)(end - bytes) < size);
	memcpy(text, bytes, (size_t)(end - bytes));
	text[end - bytes] = '\0';
	qmp_session_sent(talk->session, (size_t)(end - bytes) + 2);
}

void qmp_talk_expect_error(struct qmp_talk *talk, const char *class,
			   const char *part)
{
	json_t *reply = qmp_talk_receive(talk);
	json_t *error = json_object_get(reply, "error");
	const char *desc = json_string_value(json_object_get(error, "desc"));

	assert_non_null(desc);
	assert_string_equal(json_string_value(json_object_get(error, "class")),
			    class);
	if (!strstr(desc, part))
		fail_msg("'%s' does not say '%s'", desc, part);
	json_decref(reply);
}

void qmp_talk_expect_return(struct qmp_talk *talk, const char *id)
{
	json_t *reply = qmp_talk_receive(talk);
	json_t *found = json_object_get(reply, "id");

	assert_non_null(json_object_get(reply, "return"));
	if (id)
		assert_string_equal(json_string_value(found), id);
	else
		assert_null(found);
	json_decref(reply);
}

void qmp_talk_expect_silence(struct qmp_talk *talk)
{
	size_t len = 0;

	qmp_session_output(talk->session, &len);
	assert_int_equal(len, 0);
}
