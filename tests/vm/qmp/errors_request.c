/* SPDX-License-Identifier: MIT */
/*
 * Requests that are JSON but no command, and arguments that do not fit.
 */
#include "qmp_talk.h"

#include <stdio.h>
#include <string.h>

static void requests(void **state)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, "{}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "lacks member");
	qmp_talk_say(&talk, "{\"execute\": 5}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "must be a string");
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"arguments\": []}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "must be an object");
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"control\": {}}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "'control'");
	assert_int_equal(talk.runs, 0);
	qmp_talk_say(&talk, "{\"execute\": \"no-such-command\"}");
	qmp_talk_expect_error(&talk, QMP_CLASS_NOT_FOUND, "no-such-command");
	qmp_talk_end(&talk);
}

/* What an error quotes is cut; never so that the reply is lost. */
static void cut_names(void **state)
{
	struct qmp_talk talk;
	char line[256];
	char name[64];

	for (size_t pad = 0; pad < 3; pad++) {
		memset(name, 'a', sizeof(name));
		snprintf(line, sizeof(line),
			 "{\"execute\": \"%.*s\xe2\x82\xac\xe2\x82\xac\"}",
			 (int)(61 + pad), name);
		qmp_talk_start(&talk, true);
		qmp_talk_say(&talk, line);
		qmp_talk_expect_error(&talk, QMP_CLASS_NOT_FOUND, "aaaa");
		qmp_talk_say(&talk, "{\"execute\": \"no-such-command\"}");
		qmp_talk_expect_error(&talk, QMP_CLASS_NOT_FOUND,
				      "no-such-command");
		qmp_talk_end(&talk);
	}
}

static const struct qmp_parameter parameters[] = {
	{"uri", QMP_STRING, true},
	{"limit", QMP_INTEGER, false},
	{NULL, QMP_END, false},
};

static void expect_arguments(const char *text, const char *complaint)
{
	json_t *arguments = text ? json_loads(text, 0, NULL) : NULL;
	struct qmp_error err = {0};
	bool fine = qmp_check_arguments(parameters, arguments, &err);

	if (complaint) {
		assert_false(fine);
		assert_string_equal(err.class, QMP_CLASS_GENERIC);
		assert_string_equal(err.desc, complaint);
	} else {
		assert_true(fine);
	}
	json_decref(arguments);
}

static void arguments(void **state)
{
	expect_arguments("{\"uri\": \"x\"}", NULL);
	expect_arguments("{\"uri\": \"x\", \"limit\": 3}", NULL);
	expect_arguments(NULL, "Parameter 'uri' is missing");
	expect_arguments("{}", "Parameter 'uri' is missing");
	expect_arguments("{\"uri\": 5}", "Invalid parameter type for 'uri', "
					 "expected: string");
	expect_arguments("{\"uri\": \"x\", \"limit\": 1.5}",
			 "Invalid parameter type for 'limit', expected: "
			 "integer");
	expect_arguments("{\"uri\": \"x\", \"detach\": true}",
			 "Parameter 'detach' is unexpected");
}

TEST_MAIN(requests, cut_names, arguments)
