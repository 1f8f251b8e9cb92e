/* SPDX-License-Identifier: MIT */
/*
 * A subcommand's options by their table: where values go, which are refused,
 * and what is behind them.
 */
#include "support.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "commands.h"
#include "options.h"

#define MAX_WORDS 8

struct taken {
	bool is_set;
	const char *text;
	uint64_t number, tenths, bytes;
	const char *checked;
};

static int take_word(const char *command, const struct tool_option *option,
		     const char *value)
{
	struct taken *taken = option->request;

	taken->checked = value;
	return *value ? TOOL_OK : TOOL_FAILED;
}

/* @words: ended by NULL. */
static int take(struct taken *taken, const char *const *words)
{
	char *argv[MAX_WORDS + 2] = {(char *)"command"};
	const struct tool_option options[] = {
		{"set", .flag = &taken->is_set},
		{"text", .flag = &taken->is_set, .text = &taken->text},
		{"number", .number = &taken->number, .min = 2, .max = 9,
		 .unit = 10, .takes = "a number from 2 to 9"},
		{"seconds", .number = &taken->tenths, .max = 3, TOOL_SECONDS},
		{"bytes", .number = &taken->bytes, TOOL_BYTES},
		{"word", .take = take_word, .request = taken},
		{"absent", .text = &taken->text, .is_absent = true},
		{"help", .help = ""},
		{.name = NULL},
	};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	memset(taken, 0, sizeof(*taken));
	optind = 0; /* afresh */
	return tool_options_take(argc, argv, options);
}

#define TAKE(...) take(&taken, (const char *const[]){__VA_ARGS__, NULL})

static void values(void **state)
{
	struct taken taken;

	assert_int_equal(TAKE("--set"), TOOL_OK);
	assert_true(taken.is_set);
	assert_int_equal(TAKE("--text", "a"), TOOL_OK);
	assert_true(taken.is_set);
	assert_string_equal(taken.text, "a");
	assert_int_equal(TAKE("--number=9", "--sec=3.9", "--bytes", "2K"),
			 TOOL_OK);
	assert_int_equal(taken.number, 90);
	assert_int_equal(taken.tenths, 39);
	assert_int_equal(taken.bytes, 2048);
	assert_false(taken.is_set);
	assert_int_equal(TAKE("--word", "b"), TOOL_OK);
	assert_string_equal(taken.checked, "b");
}

static void refused(void **state)
{
	struct taken taken;

	assert_int_equal(TAKE("--number", "1"), TOOL_USAGE);
	assert_int_equal(TAKE("--number", "10"), TOOL_USAGE);
	assert_int_equal(TAKE("--number", "x"), TOOL_USAGE);
	assert_int_equal(taken.number, 0);
	assert_int_equal(TAKE("--seconds", "0"), TOOL_USAGE);
	assert_int_equal(TAKE("--seconds", "4"), TOOL_USAGE);
	assert_int_equal(TAKE("--bytes", "-1"), TOOL_USAGE);
	assert_int_equal(TAKE("--text"), TOOL_USAGE);
	assert_int_equal(TAKE("--set=1"), TOOL_USAGE);
	assert_int_equal(TAKE("--other"), TOOL_USAGE);
	assert_int_equal(TAKE("-x"), TOOL_USAGE);
	assert_int_equal(TAKE("--absent", "a"), TOOL_USAGE);
	assert_null(taken.text);
	assert_int_equal(TAKE("--word", ""), TOOL_FAILED);
}

/* The first that is wrong, or asks for help, ends it. */
static void first_counts(void **state)
{
	struct taken taken;

	assert_int_equal(TAKE("-h", "--other"), TOOL_HELP);
	assert_int_equal(TAKE("--help", "--set"), TOOL_HELP);
	assert_false(taken.is_set);
	assert_int_equal(TAKE("--other", "--help"), TOOL_USAGE);
}

static void words_are_behind(void **state)
{
	struct taken taken;

	assert_int_equal(TAKE("one", "--set", "two"), TOOL_OK);
	assert_true(taken.is_set);
	assert_int_equal(optind, 2);
	assert_int_equal(TAKE("--", "--set"), TOOL_OK);
	assert_false(taken.is_set);
	assert_int_equal(optind, 2);
}

TEST_MAIN(values, refused, first_counts, words_are_behind)
