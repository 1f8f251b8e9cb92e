/* SPDX-License-Identifier: MIT */
/*
 * Input that is no JSON gets one error, and the next command is answered.
 */
#include "qmp_talk.h"

static void expect_refused_then_fine(const char *bad, const char *part)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, bad);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": \"after\"}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, part);
	qmp_talk_expect_return(&talk, "after");
	qmp_talk_expect_silence(&talk);
	assert_int_equal(talk.runs, 1);
	qmp_talk_end(&talk);
}

static void words(void **state)
{
	expect_refused_then_fine("info status, please\n", "expecting");
	expect_refused_then_fine("\"a string\" ", "expecting");
	expect_refused_then_fine("\x01\x02\x03", "expecting");
}

static void broken_objects(void **state)
{
	expect_refused_then_fine("{execute: 1}", "JSON parse error");
	expect_refused_then_fine("{\"execute\" \"echo\"}", "JSON parse error");
	expect_refused_then_fine("{]", "JSON parse error");
	expect_refused_then_fine("{\"a\": 1, \"a\": 2}", "duplicate");
	expect_refused_then_fine("{\"execute\": \"\xfe\"}", "JSON parse");
	expect_refused_then_fine("{\"execute\": \"\xc3(\"}", "JSON parse");
}

static void cut_off_values(void **state)
{
	expect_refused_then_fine("{\"execute\": \"ech\n", "cut off");
	expect_refused_then_fine("{\"execute\": [{\xff", "cut off");
}

static void values_that_are_no_object(void **state)
{
	expect_refused_then_fine("[{\"execute\": \"echo\"}]", "JSON object");
	expect_refused_then_fine("[]", "JSON object");
}

TEST_MAIN(words, broken_objects, cut_off_values, values_that_are_no_object)
