/* SPDX-License-Identifier: MIT */
/*
 * A message above 64 KiB gets one error, and the message behind it is answered.
 */
#include "qmp_talk.h"

#include "qmp/scan.h"

#include <stdlib.h>
#include <string.h>

/* {"execute":"echo","id":"xxx..."} of exactly @len bytes */
static char *message_of(size_t len)
{
	static const char head[] = "{\"execute\":\"echo\",\"id\":\"";
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, head, strlen(head));
	memcpy(text + len - 2, "\"}", 3);
	return text;
}

static void the_longest_is_answered(void **state)
{
	char *text = message_of(QMP_MESSAGE_MAX);
	struct qmp_talk talk;
	json_t *reply;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, text);
	reply = qmp_talk_receive(&talk);
	assert_non_null(json_object_get(reply, "return"));
	json_decref(reply);
	qmp_talk_end(&talk);
	free(text);
}

static void one_byte_more_is_not(void **state)
{
	char *text = message_of(QMP_MESSAGE_MAX + 1);
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, text);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": \"after\"}");
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "longer than 65536");
	qmp_talk_expect_return(&talk, "after");
	assert_int_equal(talk.runs, 1);
	qmp_talk_end(&talk);
	free(text);
}

static void a_megabyte_is_one_error(void **state)
{
	char *text = message_of((size_t)1 << 20);
	struct qmp_talk talk;

	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, text);
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "longer than 65536");
	qmp_talk_expect_silence(&talk);
	qmp_talk_say(&talk, "{\"execute\": \"echo\", \"id\": \"after\"}");
	qmp_talk_expect_return(&talk, "after");
	qmp_talk_end(&talk);
	free(text);
}

static void deep_nesting_is_one_error(void **state)
{
	static char text[QMP_MESSAGE_MAX + 1];
	struct qmp_talk talk;

	memset(text, '[', QMP_MESSAGE_MAX / 2);
	memset(text + QMP_MESSAGE_MAX / 2, ']', QMP_MESSAGE_MAX / 2);
	qmp_talk_start(&talk, true);
	qmp_talk_say(&talk, text);
	qmp_talk_expect_error(&talk, QMP_CLASS_GENERIC, "JSON parse error");
	qmp_talk_expect_silence(&talk);
	qmp_talk_end(&talk);
}

TEST_MAIN(the_longest_is_answered, one_byte_more_is_not,
	  a_megabyte_is_one_error, deep_nesting_is_one_error)
