/* SPDX-License-Identifier: MIT */
/*
 * Names of layers, right and wrong ones.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "common/layer_name.h"

static void test_right(void **state)
{
	static const struct {
		const char *text, *folder;
		uint64_t number;
	} cases[] = {
		{"f", "f", 0},
		{"/a/b c", "/a/b c", 0},
		{"f@1", "f", 1},
		{"f@0012", "f", 12},
		{"f@18446744073709551614", "f", UINT64_MAX - 1},
		{"a@b@7", "a@b", 7},
		{"a@1@7", "a@1", 7},
		/* no numbers */
		{"a@", "a@", 0},
		{"a@b", "a@b", 0},
		{"a@1/", "a@1/", 0},
		{"a@-1", "a@-1", 0},
		{"@", "@", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layer_name name;

		assert_int_equal(layer_name_parse(cases[i].text, &name), 0);
		assert_string_equal(name.folder, cases[i].folder);
		assert_int_equal(name.number, cases[i].number);
	}
}

static void test_wrong(void **state)
{
	static const char *const cases[] = {
		"",
		"@1",
		"f@0",
		"f@00",
		"f@18446744073709551615",
		"f@99999999999999999999999",
	};
	struct layer_name name = {"old", 9};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(layer_name_parse(cases[i], &name), -EINVAL);
	assert_string_equal(name.folder, "old");
	assert_int_equal(name.number, 9);
}

/* Of NBD all, and as they are; of other schemes none. */
static void test_uris(void **state)
{
	static const char *const nbd[] = {
		"nbd://a/b",
		"nbds://a@b:7/c@1",
		"nbd+unix:///x?socket=s",
		"nbds+unix:///x?socket=s@2",
	};
	static const char *const others[] = {
		"s3://bucket/x@1", "http://a", "nbd+ssh://a/b",
		"nbd+vsock://1/",  "NBD://a",  "file:///a",
	};
	static const char *const folders[] = {
		"./s3://bucket", "a b://c", "://", "1://a", "s3:/a", "s3:",
	};
	struct layer_name name;

	for (size_t i = 0; i < sizeof(nbd) / sizeof(nbd[0]); i++) {
		assert_int_equal(layer_name_parse(nbd[i], &name), 0);
		assert_string_equal(name.folder, nbd[i]);
		assert_int_equal(name.number, 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(layer_name_parse(others[i], &name),
				 -EPROTONOSUPPORT);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(layer_name_parse(folders[i], &name), 0);
}

static void test_length(void **state)
{
	struct layer_name name;
	char text[PATH_MAX + 3];

	memset(text, 'x', sizeof(text));
	text[PATH_MAX] = '\0';
	assert_int_equal(layer_name_parse(text, &name), -ENAMETOOLONG);
	strcpy(text + PATH_MAX - 1, "@5");
	assert_int_equal(layer_name_parse(text, &name), 0);
	assert_int_equal(strlen(name.folder), PATH_MAX - 1);
	assert_int_equal(name.number, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
