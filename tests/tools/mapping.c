/* SPDX-License-Identifier: MIT */
/*
 * Lists of mappings, their names, and lines of /proc/PID/maps.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "rate/mapping.h"
#include "rate/maps.h"

static void add(struct rate_mappings *mappings, uint64_t address,
		const char *name, double pages)
{
	struct rate_mapping mapping = {
		.address = address, .size_bytes = 8192, .pages = pages};

	rate_name_copy(mapping.name, name);
	assert_int_equal(rate_mappings_add(mappings, &mapping), 0);
}

static void merged_by_address_and_name(void **state)
{
	struct rate_mappings sum = {0};
	struct rate_mappings one = {0};

	add(&one, 0x1000, "a", 1);
	add(&one, 0x5000, "b", 2);
	assert_int_equal(rate_mappings_merge(&sum, &one), 0);
	rate_mappings_clear(&one);
	add(&one, 0x1000, "a", 10);
	add(&one, 0x3000, "c", 5);
	add(&one, 0x5000, "other", 7);
	one.list[0].size_bytes = 4096;
	assert_int_equal(rate_mappings_merge(&sum, &one), 0);
	assert_int_equal(sum.n, 4);
	assert_true(sum.list[0].pages == 11 && sum.list[0].size_bytes == 8192);
	assert_string_equal(sum.list[1].name, "c");
	assert_string_equal(sum.list[2].name, "b");
	assert_string_equal(sum.list[3].name, "other");
	rate_mappings_free(&sum);
	rate_mappings_free(&one);
}

static void hot_and_cold(void **state)
{
	struct rate_mappings mappings = {0};
	const struct rate_mapping **hot = NULL;
	uint64_t bytes;

	add(&mappings, 0x1000, "a", 3);
	add(&mappings, 0x3000, "b", 0);
	add(&mappings, 0x5000, "c", 7);
	add(&mappings, 0x7000, "d", 0);
	assert_int_equal(rate_mappings_hot(&mappings, &hot), 2);
	assert_string_equal(hot[0]->name, "c");
	assert_string_equal(hot[1]->name, "a");
	assert_int_equal(rate_mappings_cold(&mappings, &bytes), 2);
	assert_int_equal(bytes, 16384);
	free((void *)hot);
	rate_mappings_free(&mappings);
}

static void check_name(const char *from, const char *expected)
{
	char name[RATE_NAME_BYTES];

	rate_name_copy(name, from);
	assert_string_equal(name, expected);
}

static void names_are_harmless(void **state)
{
	check_name("a\x1b[31mb", "a?[31mb");
	check_name("tab\tnl\ndel\x7f", "tab?nl?del?");
	check_name("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		   "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	check_name("c1 \xc2\x9b lone \x80 cut \xe2\x82", "c1 ?? lone ? cut ??");
	/* overlong, a surrogate, beyond the last one, no character */
	check_name("\xc0\xaf", "??");
	check_name("\xed\xa0\x80", "???");
	check_name("\xf4\x90\x80\x80", "????");
	check_name("\xef\xbf\xbf", "???");
}

/* The beginning says what kind it is, the end which one. */
static void long_names_lose_their_middle(void **state)
{
	char from[5000] = "/memfd:";
	char name[RATE_NAME_BYTES];

	memset(from + 7, 'x', 4000);
	strcpy(from + 4007, "/libpython3.11.so.1.0");
	rate_name_copy(name, from);
	assert_int_equal(strlen(name), RATE_NAME_BYTES - 1);
	assert_memory_equal(name, "/memfd:xx", 9);
	assert_non_null(strstr(name, "x...x"));
	assert_string_equal(name + strlen(name) - 21, from + 4007);
	strcat(from, " (deleted)");
	rate_maps_name(name, from);
	assert_string_equal(name + strlen(name) - 21, "/libpython3.11.so.1.0");
}

static void names_are_cut_behind_a_character(void **state)
{
	char from[3 * RATE_NAME_BYTES];
	char name[RATE_NAME_BYTES];

	for (size_t lead = 0; lead < 4; lead++) {
		memset(from, 'x', lead);
		from[lead] = '\0';
		for (int i = 0; i < 60; i++)
			strcat(from, "\xe2\x82\xac");
		rate_name_copy(name, from);
		assert_true(strlen(name) >= RATE_NAME_BYTES - 5);
		assert_int_equal((strlen(name) - lead) % 3, 0);
		assert_null(strchr(name, '?'));
	}
}

static void check_tail(const char *name, size_t width, const char *expected)
{
	char tail[RATE_NAME_BYTES];

	rate_name_tail(tail, name, width);
	assert_string_equal(tail, expected);
}

static void tails_of_names(void **state)
{
	check_tail("/usr/lib/libc.so", 16, "/usr/lib/libc.so");
	check_tail("/usr/lib/libc.so", 15, ".../lib/libc.so");
	check_tail("/usr/lib/libc.so", 4, "...o");
	check_tail("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", 28,
		   ".../libpython3.11.so.1.0");
	check_tail("/usr/lib/a-name-that-is-long.d/x", 20,
		   "...-that-is-long.d/x");
	check_tail("ab\xc3\xa9\xe2\x82\xac"
		   "d",
		   5,
		   "ab\xc3\xa9\xe2\x82\xac"
		   "d");
	check_tail("abc\xc3\xa9\xe2\x82\xac"
		   "d",
		   5,
		   "...\xe2\x82\xac"
		   "d");
}

static bool parse(const char *line, struct rate_mapping *mapping)
{
	char name[256];

	return rate_maps_line(line, mapping, name, sizeof(name));
}

static void lines_of_maps(void **state)
{
	struct rate_mapping mapping;

	assert_true(parse("7f0000001000-7f0000003000 rw-p 00000000 00:00 0 ",
			  &mapping));
	assert_true(mapping.address == 0x7f0000001000 &&
		    mapping.size_bytes == 0x2000);
	assert_string_equal(mapping.name, "[anon]");
	assert_true(parse("00400000-00401000 rw-s 00001000 fd:01 99   "
			  "/tmp/a b  c (deleted)",
			  &mapping));
	assert_string_equal(mapping.name, "/tmp/a b  c");
	assert_true(parse("7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0   "
			  "       [stack]",
			  &mapping));
	assert_string_equal(mapping.name, "[stack]");
	/* may not be written; a device; no line */
	assert_false(
		parse("7f0000001000-7f0000003000 r--p 0 00:00 0 /x", &mapping));
	assert_false(
		parse("7f0000001000-7f0000003000 rw-s 0 00:06 7 /dev/nvme0",
		      &mapping));
	assert_false(parse("", &mapping));
	assert_false(
		parse("7f0000003000-7f0000001000 rw-p 0 00:00 0 ", &mapping));
}

TEST_MAIN(merged_by_address_and_name, hot_and_cold, names_are_harmless,
	  long_names_lose_their_middle, names_are_cut_behind_a_character,
	  tails_of_names, lines_of_maps)
