/* SPDX-License-Identifier: MIT */
/*
 * What the log keeps and delivers: levels, limits, text, and when.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "log_catch.h"
#include "sys/log.h"

static void deliver(void)
{
	SMI_SYS_LOG_SCOPE();
}

static void say(enum smudge_log_level level, const char *text)
{
	SMI_SYS_LOG(level, "test", "%s", text);
}

static void test_levels(void **state)
{
	struct log_catch few, all;

	log_catch_open(&few, 0);
	say(SMUDGE_LOG_INFO, "no log wants this");
	assert_int_equal(smi_sys_log_npending, 0);
	log_catch_open(&all, SMUDGE_LOG_DEBUG);
	say(SMUDGE_LOG_WARNING, "1");
	say(SMUDGE_LOG_INFO, "2");
	say(SMUDGE_LOG_DEBUG, "3");
	deliver();
	assert_int_equal(few.n, 1);
	assert_int_equal(all.n, 3);
	for (size_t i = 0; i < all.n; i++)
		assert_int_equal(all.caught[i].level, i + 1);
	assert_string_equal(all.caught[2].line, "test: 3");
	log_catch_close(&all);
	say(SMUDGE_LOG_DEBUG, "nor this");
	assert_int_equal(smi_sys_log_npending, 0);
	log_catch_close(&few);
	say(SMUDGE_LOG_WARNING, "nor this");
	assert_int_equal(smi_sys_log_npending, 0);
}

/* Names of others can end no line, and long text is cut. */
static void test_text(void **state)
{
	struct log_catch c;
	char text[400];

	log_catch_open(&c, SMUDGE_LOG_INFO);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	errno = EXDEV;
	SMI_SYS_LOG(SMUDGE_LOG_INFO, "a\nb", "c\x1b[2J");
	SMI_SYS_LOG(SMUDGE_LOG_INFO, "long", "%s", text);
	deliver();
	assert_int_equal(errno, EXDEV);
	assert_string_equal(c.caught[0].line, "a?b: c?[2J");
	assert_int_equal(strlen(c.caught[1].line), strlen("long: ") + 199);
	log_catch_close(&c);
}

static void note(struct smi_sys_log_kind *kind, size_t n)
{
	for (size_t i = 0; i < n; i++)
		smi_sys_log_note(kind, SMUDGE_LOG_INFO, "test", "%zu", i);
}

/* Eight in ten seconds; another kind has eight of its own. */
static void test_burst(void **state)
{
	struct smi_sys_log_kind kind = {0}, other = {0};
	struct log_catch c;

	log_catch_open(&c, SMUDGE_LOG_INFO);
	note(&kind, 20);
	note(&other, 3);
	deliver();
	assert_int_equal(c.n, SMI_SYS_LOG_BURST + 3);
	note(&kind, 1);
	kind.window_ns -= SMI_SYS_LOG_WINDOW_NS; /* ten seconds later */
	note(&kind, 2);
	deliver();
	assert_int_equal(c.n, SMI_SYS_LOG_BURST + 5);
	assert_int_equal(c.caught[c.n - 2].left_out, 13);
	assert_int_equal(c.caught[c.n - 1].left_out, 0);
	log_catch_close(&c);
}

static void test_room(void **state)
{
	struct smi_sys_log_kind kinds[6] = {{0}};
	struct log_catch c;

	log_catch_open(&c, SMUDGE_LOG_INFO);
	for (size_t i = 0; i < 6; i++)
		note(&kinds[i], SMI_SYS_LOG_BURST);
	deliver();
	assert_int_equal(c.n, SMI_SYS_LOG_ROOM);
	note(&kinds[5], 1);
	deliver();
	assert_int_equal(c.caught[c.n - 1].left_out, SMI_SYS_LOG_BURST);
	log_catch_close(&c);
}

/* In the outermost scope, and in order. */
static void test_scopes(void **state)
{
	struct log_catch c;

	log_catch_open(&c, SMUDGE_LOG_INFO);
	{
		SMI_SYS_LOG_SCOPE();
		say(SMUDGE_LOG_INFO, "first");
		deliver();
		assert_int_equal(c.n, 0);
		say(SMUDGE_LOG_INFO, "second");
	}
	assert_int_equal(c.n, 2);
	assert_string_equal(c.caught[0].line, "test: first");
	assert_string_equal(c.caught[1].line, "test: second");
	log_catch_close(&c);
}

TEST_MAIN(test_levels, test_text, test_burst, test_room, test_scopes)
