/* SPDX-License-Identifier: MIT */
/*
 * A QMP conversation.
 *
 * As in QEMU, every other command before qmp_capabilities is answered
 * CommandNotFound, and so is qmp_capabilities afterwards.
 */
#include "qmp/session.h"

#include "base/bytes.h"
#include "qmp/id.h"
#include "qmp/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct qmp_session {
	struct qmp_handler handler;
	bool negotiated;
	struct vm_buf out;
	size_t out_pos; /* events are sent before this */
	struct qmp_scan scan;
};

static void append_message(struct qmp_session *session, json_t *message,
			   const char *id)
{
	size_t len = 0;
	char *line = qmp_line(message, id, &len);

	if (line)
		vm_buf_put(&session->out, line, len);
	else
		session->out.failed = true;
	free(line);
	json_decref(message);
}

struct qmp_session *qmp_session_create(const struct qmp_handler *handler)
{
	struct qmp_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->handler = *handler;
	append_message(session, qmp_greeting(), NULL);
	return session;
}

void qmp_session_destroy(struct qmp_session *session)
{
	if (!session)
		return;
	vm_buf_free(&session->out);
	free(session);
}

bool qmp_session_negotiated(const struct qmp_session *session)
{
	return session->negotiated;
}

bool qmp_session_failed(const struct qmp_session *session)
{
	return session->out.failed;
}

void qmp_session_events(struct qmp_session *session, const char *lines,
			size_t len)
{
	vm_buf_put(&session->out, lines, len);
}

void qmp_session_lose_event(struct qmp_session *session)
{
	session->out.failed = true;
}

const char *qmp_session_output(const struct qmp_session *session,
			       size_t *ret_len)
{
	*ret_len = session->out.len - session->out_pos;
	return (const char *)session->out.bytes + session->out_pos;
}

void qmp_session_sent(struct qmp_session *session, size_t len)
{
	session->out_pos += len;
	if (session->out_pos == session->out.len) {
		session->out.len = 0;
		session->out_pos = 0;
	}
}

static void reply_error(struct qmp_session *session,
			const struct qmp_error *err, const char *id)
{
	append_message(session, qmp_reply_error(err), id);
}

static json_t *negotiate(struct qmp_session *session, const json_t *arguments,
			 struct qmp_error *err)
{
	static const struct qmp_parameter parameters[] = {
		{"enable", QMP_LIST, false},
		{NULL, QMP_END, false},
	};

	if (!qmp_check_arguments(parameters, arguments, err))
		return NULL;
	if (json_array_size(json_object_get(arguments, "enable")))
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "this QMP has no capability to enable");
	session->negotiated = true;
	return json_object();
}

static json_t *dispatch(struct qmp_session *session, const char *command,
			const json_t *arguments, struct qmp_error *err)
{
	bool negotiating = strcmp(command, "qmp_capabilities") == 0;

	if (negotiating && session->negotiated)
		return qmp_error_set(err, QMP_CLASS_NOT_FOUND,
				     "Capabilities negotiation is already "
				     "complete, command ignored");
	if (negotiating)
		return negotiate(session, arguments, err);
	if (!session->negotiated)
		return qmp_error_set(err, QMP_CLASS_NOT_FOUND,
				     "Expecting capabilities negotiation with "
				     "'qmp_capabilities'");
	return session->handler.execute(session->handler.opaque, command,
					arguments, err);
}

/* True when a request has the right members; else @err says what is wrong. */
static bool check_request(const json_t *request, struct qmp_error *err)
{
	json_t *object = (json_t *)request; /* jansson iterates non-const */
	const json_t *arguments = json_object_get(request, "arguments");
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (strcmp(name, "execute") != 0 &&
		    strcmp(name, "arguments") != 0 && strcmp(name, "id") != 0) {
			qmp_error_set(err, QMP_CLASS_GENERIC,
				      "QMP input member '%.64s' is unexpected",
				      name);
			return false;
		}
	}
	if (!json_object_get(request, "execute"))
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "QMP input lacks member 'execute'");
	else if (!json_is_string(json_object_get(request, "execute")))
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "QMP input member 'execute' must be a string");
	else if (arguments && !json_is_object(arguments))
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "QMP input member 'arguments' must be an object");
	return !err->class;
}

static void handle_request(struct qmp_session *session, const json_t *request,
			   const char *id)
{
	struct qmp_error err = {0};
	json_t *result = NULL;

	if (check_request(request, &err))
		result = dispatch(
			session,
			json_string_value(json_object_get(request, "execute")),
			json_object_get(request, "arguments"), &err);
	if (!result)
		qmp_error_set(&err, QMP_CLASS_GENERIC, "out of memory");
	if (session->handler.before_reply)
		session->handler.before_reply(session->handler.opaque);
	if (result)
		append_message(session, qmp_reply(result), id);
	else
		reply_error(session, &err, id);
}

static json_t *parse(struct qmp_session *session, struct qmp_error *err)
{
	json_error_t why;
	json_t *value = json_loadb(session->scan.bytes, session->scan.len,
				   JSON_REJECT_DUPLICATES, &why);

	if (!value)
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "JSON parse error, %.150s", why.text);
	else if (!json_is_object(value))
		qmp_error_set(err, QMP_CLASS_GENERIC,
			      "QMP input must be a JSON object");
	return value;
}

static void handle_value(struct qmp_session *session)
{
	struct qmp_error err = {0};
	json_t *value = NULL;
	char *id;
	int ret = qmp_id_take(session->scan.bytes, session->scan.len, &id);

	if (ret == -ENOMEM)
		qmp_error_set(&err, QMP_CLASS_GENERIC, "out of memory");
	else if (ret < 0)
		qmp_error_set(&err, QMP_CLASS_GENERIC,
			      "JSON parse error, the id is not a JSON value");
	else
		value = parse(session, &err);
	if (err.class)
		reply_error(session, &err, id);
	else
		handle_request(session, value, id);
	json_decref(value);
	free(id);
}

static void refuse(struct qmp_session *session, enum qmp_scan_result found)
{
	struct qmp_error err = {0};

	if (found == QMP_SCAN_TOO_LONG)
		qmp_error_set(&err, QMP_CLASS_GENERIC,
			      "JSON message is longer than %zu bytes",
			      QMP_MESSAGE_MAX);
	else if (found == QMP_SCAN_BROKEN)
		qmp_error_set(&err, QMP_CLASS_GENERIC,
			      "JSON parse error, message is cut off");
	else
		qmp_error_set(&err, QMP_CLASS_GENERIC,
			      "JSON parse error, expecting an object");
	reply_error(session, &err, NULL);
}

void qmp_session_input(struct qmp_session *session, const char *bytes,
		       size_t len)
{
	enum qmp_scan_result found;

	for (;;) {
		found = qmp_scan_feed(&session->scan, &bytes, &len);
		if (found == QMP_SCAN_MORE)
			return;
		if (found == QMP_SCAN_VALUE)
			handle_value(session);
		else
			refuse(session, found);
	}
}

void qmp_session_end_input(struct qmp_session *session)
{
	/* ends an unfinished value, and does nothing else */
	static const char resync = QMP_RESYNC_BYTE;

	qmp_session_input(session, &resync, 1);
}
