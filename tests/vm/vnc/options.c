/* SPDX-License-Identifier: MIT */
/*
 * How --vnc is parsed; tests/e2e/errors_vnc.py has what it refuses.
 */
#include "support.h"

#include <smudge/error.h>

#include "vnc/options.h"

static struct vnc_options parse(const char *spec)
{
	struct vnc_options options;
	struct smudge_error err = {0};

	if (vnc_options_parse(spec, &options, &err))
		fail_msg("%s: %s", spec, err.message);
	return options;
}

static void test_defaults(void **state)
{
	struct vnc_options options = parse(":1");

	assert_string_equal(options.host, "127.0.0.1");
	assert_int_equal(options.port, 5901);
	assert_string_equal(options.password, "");
	assert_false(options.web);
	assert_int_equal(parse(":0").port, 5900);
	assert_int_equal(parse(":59635").port, 65535);
}

static void test_hosts(void **state)
{
	assert_string_equal(parse("0.0.0.0:7").host, "0.0.0.0");
	assert_string_equal(parse("[::1]:7").host, "::1");
	assert_string_equal(parse("[::]:7").host, "::");
	assert_int_equal(parse("[::]:7").port, 5907);
	assert_string_equal(parse("screen.example:7").host, "screen.example");
}

static void test_words(void **state)
{
	struct vnc_options options = parse(":1,web,password=12345678");

	assert_true(options.web);
	assert_string_equal(options.page, "");
	assert_string_equal(options.password, "12345678");
	options = parse(":1,web=/a/b=c.html");
	assert_string_equal(options.page, "/a/b=c.html");
	assert_string_equal(parse(":1,password=a=b").password, "a=b");
}

TEST_MAIN(test_defaults, test_hosts, test_words)
