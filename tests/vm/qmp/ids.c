/* SPDX-License-Identifier: MIT */
/*
 * Ids are returned as the client wrote them, also those that the JSON library
 * cannot hold.
 */
#include "qmp_talk.h"

#include "qmp/id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a request with @id gets back behind "id": */
static void expect_id(const char *id, const char *wanted)
{
	struct qmp_talk talk;
	char text[4096], end[1024];

	qmp_talk_start(&talk, true);
	snprintf(text, sizeof(text), "{\"id\": %s , \"execute\": \"echo\"}",
		 id);
	qmp_talk_say(&talk, text);
	qmp_talk_receive_text(&talk, text, sizeof(text));
	snprintf(end, sizeof(end), "{\"return\": {}, \"id\": %s}", wanted);
	assert_string_equal(text, end);
	qmp_talk_end(&talk);
}

static void same(const char *id)
{
	expect_id(id, id);
}

static void numbers(void **state)
{
	same("0");
	same("-0");
	same("9223372036854775807");
	same("9223372036854775808");
	same("18446744073709551616");
	same("-9223372036854775809");
	same("123456789012345678901234567890123456789012345678901234567890");
	same("1e999");
	same("1E+400");
	same("-1.50e-999");
	same("0.1000000000000000055511151231257827021181583404541015625");
}

static void strings(void **state)
{
	same("\"\"");
	same("\"\\u0000\"");
	same("\"\\ud800\"");
	same("\"\\u00e9\\n\\/\\\"\"");
	same("\"\xc3\xa9\"");
	same("\"}, ] {\"");
}

static void composed(void **state)
{
	same("null");
	same("true");
	same("[]");
	same("{\"a\": 1, \"a\": 2}");
	same("{\"id\": {\"id\": [1, 99999999999999999999, \"\\u0000\"]}}");
	same("{\"\\u0000\": \"\\u0000\"}");
}

/* No value of the scanner's ends so; a reader of the copy must not run on. */
static void a_string_that_ends_in_a_backslash(void **state)
{
	char *bytes = strdup("{\"id\": \"\\ ");
	char *id = NULL;

	assert_non_null(bytes);
	assert_int_equal(qmp_id_take(bytes, strlen(bytes), &id), -EINVAL);
	assert_null(id);
	free(bytes);
}

/* A reply is one line. */
static void newlines_become_spaces(void **state)
{
	expect_id("[\n1,\r\n2\n]", "[ 1,  2 ]");
}

static void the_key_may_be_escaped(void **state)
{
	struct qmp_talk talk;
	char text[256];

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk,
		     "{\"execute\": \"echo\", \"\\u0069\\u0064\": 1e400}");
	qmp_talk_receive_text(&talk, text, sizeof(text));
	assert_string_equal(text, "{\"return\": {}, \"id\": 1e400}");
	qmp_talk_end(&talk);
}

/* "id" inside arguments is not the request's. */
static void only_the_requests_own(void **state)
{
	struct qmp_talk talk;
	char text[256];

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk,
		     "{\"arguments\": {\"id\": 3}, \"execute\": \"echo\"}");
	qmp_talk_receive_text(&talk, text, sizeof(text));
	assert_string_equal(text, "{\"return\": {\"id\": 3}}");
	qmp_talk_end(&talk);
}

static void errors_carry_it(void **state)
{
	struct qmp_talk talk;
	char text[512];

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, "{\"execute\": \"fail\", \"id\": 1e400}");
	qmp_talk_receive_text(&talk, text, sizeof(text));
	assert_non_null(strstr(text, "\"error\""));
	assert_non_null(strstr(text, ", \"id\": 1e400}"));
	/* an argument that the parser cannot hold */
	qmp_talk_say(&talk, "{\"id\": \"\\u0000\", \"execute\": \"echo\","
			    " \"arguments\": {\"n\": 99999999999999999999}}");
	qmp_talk_receive_text(&talk, text, sizeof(text));
	assert_non_null(strstr(text, "too big"));
	assert_non_null(strstr(text, ", \"id\": \"\\u0000\"}"));
	qmp_talk_end(&talk);
}

static void expect_no_json(const char *id)
{
	struct qmp_talk talk;
	char text[512];

	qmp_talk_start(&talk, true);
	snprintf(text, sizeof(text), "{\"execute\": \"echo\", \"id\": %s}", id);
	qmp_talk_say(&talk, text);
	qmp_talk_receive_text(&talk, text, sizeof(text));
	assert_non_null(strstr(text, "JSON parse error"));
	assert_null(strstr(text, "\"id\":"));
	assert_int_equal(talk.runs, 0);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": \"after\"}");
	qmp_talk_expect_return(&talk, "after");
	qmp_talk_end(&talk);
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"tru",	   "nullx1",   "01",	    "1.",	"1e",
		"-",	   "+1",       "0x10",	    "1 2",	"[1 2]",
		"[1-2]",   "\"\\x\"",  "\"\\u12\"", "\"\xfe\"", "[1,]",
		"{\"a\"}", "Infinity", "1.e5",	    "\"\t\"",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_no_json(bad[i]);
}

static void two_ids_are_refused(void **state)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": 1, \"id\": 2}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "duplicate");
	assert_int_equal(talk.runs, 0);
	qmp_talk_end(&talk);
}

/* The value cut off at the end of input is answered too. */
static void the_end_of_input_answers_what_is_unfinished(void **state)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": \"1\"}{\"exec");
	qmp_session_end_input(talk.session);
	qmp_talk_expect_return(&talk, "1");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "cut off");
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": \"2\"}");
	qmp_session_end_input(talk.session);
	qmp_talk_expect_return(&talk, "2");
	qmp_talk_expect_silence(&talk);
	qmp_talk_end(&talk);
}

TEST_MAIN(numbers, strings, composed, a_string_that_ends_in_a_backslash,
	  newlines_become_spaces, the_key_may_be_escaped, only_the_requests_own,
	  errors_carry_it, what_is_no_json_is_refused, two_ids_are_refused,
	  the_end_of_input_answers_what_is_unfinished)
