/* SPDX-License-Identifier: MIT */
/*
 * A QMP conversation: negotiation, ids, values however they are cut.
 */
#include "qmp_talk.h"

#include <string.h>

static void negotiation_comes_first(void **state)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, false);
	qmp_talk_say(&talk, "{\"execute\": \"echo\"}");
	qmp_talk_expect_error(&talk, QMP_CLASS_NOT_FOUND, "qmp_capabilities");
	assert_int_equal(talk.runs, 0);
	assert_false(qmp_session_negotiated(talk.session));
	qmp_talk_say(&talk, "{\"execute\": \"qmp_capabilities\","
			    " \"arguments\": {\"enable\": []}, \"id\": \"a\"}");
	qmp_talk_expect_return(&talk, "a");
	assert_true(qmp_session_negotiated(talk.session));
	qmp_talk_say(&talk, "{\"execute\": \"qmp_capabilities\"}");
	qmp_talk_expect_error(&talk, QMP_CLASS_NOT_FOUND, "already");
	qmp_talk_end(&talk);
}

static void an_unknown_capability_leaves_it_open(void **state)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, false);
	qmp_talk_say(&talk, "{\"execute\": \"qmp_capabilities\","
			    " \"arguments\": {\"enable\": [\"oob\"]}}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "capability");
	assert_false(qmp_session_negotiated(talk.session));
	qmp_talk_end(&talk);
}

static void ids_of_any_kind_come_back(void **state)
{
	struct qmp_talk talk;
	json_t *reply;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": {\"n\": [1]}}");
	reply = qmp_talk_receive(&talk);
	assert_int_equal(json_array_size(json_object_get(
				 json_object_get(reply, "id"), "n")),
			 1);
	json_decref(reply);
	qmp_talk_say(&talk, "{\"execute\": \"fail\", \"id\": 7}");
	reply = qmp_talk_receive(&talk);
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 7);
	assert_non_null(json_object_get(reply, "error"));
	json_decref(reply);
	qmp_talk_end(&talk);
}

static void values_may_share_a_line(void **state)
{
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, "{\"execute\":\"echo\",\"id\":\"1\"}"
			    "{\"execute\":\"echo\",\"id\":\"2\"} "
			    "{\"execute\":\"echo\",\"id\":\"3\"}");
	qmp_talk_expect_return(&talk, "1");
	qmp_talk_expect_return(&talk, "2");
	qmp_talk_expect_return(&talk, "3");
	qmp_talk_expect_silence(&talk);
	qmp_talk_end(&talk);
}

static void a_value_may_come_byte_by_byte(void **state)
{
	static const char text[] = "{\n \"execute\": \"echo\",\n"
				   " \"id\": \"}]{\\\"[\",\n"
				   " \"arguments\": {\"a\": [{}, []]}\n}";
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	for (size_t i = 0; i < strlen(text); i++) {
		qmp_talk_expect_silence(&talk);
		qmp_session_input(talk.session, text + i, 1);
	}
	qmp_talk_expect_return(&talk, "}]{\"[");
	qmp_talk_end(&talk);
}

static void random_cuts_change_nothing(void **state)
{
	struct test_rng rng = test_rng_start("test_qmp_session");
	struct qmp_talk talk;
	char text[4096] = "";
	char one[128];
	size_t pos = 0;

	for (int i = 0; i < 40; i++) {
		snprintf(one, sizeof(one),
			 "{\"execute\":\"echo\",%s\"id\":\"n\\\\%d{\"}",
			 i % 3 ? "" : "\n\t", i);
		strcat(text, one);
	}
	qmp_talk_start(&talk, true);
	while (pos < strlen(text)) {
		size_t left = strlen(text) - pos;
		size_t n = 1 + test_rng_below(&rng, 60);

		if (n > left)
			n = left;
		qmp_session_input(talk.session, text + pos, n);
		pos += n;
	}
	for (int i = 0; i < 40; i++) {
		snprintf(one, sizeof(one), "n\\%d{", i);
		qmp_talk_expect_return(&talk, one);
	}
	qmp_talk_expect_silence(&talk);
	qmp_talk_end(&talk);
}

TEST_MAIN(negotiation_comes_first, an_unknown_capability_leaves_it_open,
	  ids_of_any_kind_come_back, values_may_share_a_line,
	  a_value_may_come_byte_by_byte, random_cuts_change_nothing)
