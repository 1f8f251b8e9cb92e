/* SPDX-License-Identifier: MIT */
/*
 * -ELOOP: a chain that returns to an image of its own, by whatever name.
 */
#include <errno.h>
#include <unistd.h>

#include "builder.h"
#include "expect.h"
#include "folder.h"

static void save(const char *name, const char *backing)
{
	const struct builder_options options = {
		.disk_bytes = 40960, .backing = backing, .format = "qcow2"};
	struct builder builder;

	builder_start(&builder, &options);
	builder_save(&builder, name);
}

static void itself(void **state)
{
	(void)state;
	save("a", "a");
	expect_no_chain("a", -ELOOP,
			"a: its chain of backing files returns to a");
}

static void round_three(void **state)
{
	(void)state;
	save("top", "a");
	save("a", "./b");
	save("b", "c");
	save("c", "a");
	expect_no_chain("top", -ELOOP,
			"top: its chain of backing files returns to a");
}

static void hard_link(void **state)
{
	(void)state;
	save("a", "b");
	assert_int_equal(linkat(folder_fd, "a", folder_fd, "b", 0), 0);
	expect_no_chain("a", -ELOOP,
			"a: its chain of backing files returns to b");
}

TEST_MAIN_WITH(folder_create, folder_remove, itself, round_three, hard_link)
