/* SPDX-License-Identifier: MIT */
/*
 * Names that others chose get into sentences: control characters and bytes
 * that are no UTF-8 become '?', all else stays, and a sentence that is cut
 * is not cut within a character.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "fake_source.h"
#include "idle_source.h"

struct pair {
	const char *text, *wanted;
};

static const struct pair pairs[] = {
	{"plain text", "plain text"},
	{"a\nb\rc\td", "a?b?c?d"},
	{"\033[31mred\033[0m", "?[31mred?[0m"},
	{"del\177", "del?"},
	{"Gr\xc3\xbc\xc3\x9f"
	 "e \xe2\x82\xac \xf0\x9f\x98\x80",
	 "Gr\xc3\xbc\xc3\x9f"
	 "e \xe2\x82\xac \xf0\x9f\x98\x80"},
	/* the terminal's 8-bit controls, in UTF-8 and bare */
	{"\xc2\x9b"
	 "2J",
	 "??2J"},
	{"\x9b"
	 "2J",
	 "?2J"},
	/* an escape in too many bytes, a surrogate, beyond Unicode, a cut */
	{"\xc0\x9b|\xe0\x80\x9b", "??|???"},
	{"\xed\xa0\x80|\xf4\x90\x80\x80|\xf8\x80", "???|????|??"},
	{"end\xe2\x82", "end??"},
};

static void texts_are_filtered(void **state)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;

		smudge_error_set(&err, -EIO, pairs[i].text, "%s",
				 pairs[i].text);
		assert_string_equal(err.message, pairs[i].wanted);
		assert_string_equal(err.where, pairs[i].wanted);
	}
}

static void a_cut_leaves_no_half_character(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char text[256];

	memset(text, 'x', 198);
	strcpy(text + 198, "\xe2\x82\xac");
	smudge_error_set(&err, -EIO, "test", "%s", text);
	assert_int_equal(strlen(err.message), 199);
	assert_int_equal(err.message[198], '?');
}

/* A name given to the library, and what a callback wrote by itself. */
static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	err->code = -EIO;
	strcpy(err->where, "mine\n");
	strcpy(err->message, "it\033 failed\n");
	return -EIO;
}

static void names_are_filtered(void **state)
{
	const struct smudge_source_ops ops = {.size = sizeof(ops),
					      .name = "mine",
					      .start = start,
					      .stop = idle_stop,
					      .harvest = idle_harvest};
	struct smudge_region_options odd = {.size = sizeof(odd),
					    .name = "ram\n\033[2J",
					    .hva = (void *)0x100000,
					    .size_bytes = 4096};
	struct smudge_client_options me = {.size = sizeof(me), .name = "me"};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_client *client = NULL;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &odd, &region, NULL), 0);
	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 1, 0, &err),
			 -EINVAL);
	assert_non_null(strstr(err.message, "ram??[2J"));
	assert_int_equal(smudge_region_attach(region, source, 0, 0, &err), 0);
	assert_int_equal(smudge_client_open(memory, &me, &client, &err), -EIO);
	assert_string_equal(err.message, "it? failed?");
	assert_string_equal(err.where, "mine?");
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(texts_are_filtered, a_cut_leaves_no_half_character,
	  names_are_filtered)
