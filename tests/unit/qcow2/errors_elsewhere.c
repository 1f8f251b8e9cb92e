/* SPDX-License-Identifier: MIT */
/*
 * -EXDEV: a backing file that is not in the image's folder. And names of the
 * folder itself, which are fine, and of no file at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

static void set_up_folders(void)
{
	save("below", NULL);
	assert_int_equal(mkdirat(folder_fd, "sub", 0700), 0);
	assert_int_equal(symlinkat(".", folder_fd, "here"), 0);
	assert_int_equal(symlinkat("sub", folder_fd, "there"), 0);
}

static void elsewhere(void **state)
{
	static const char *const names[] = {
		"/etc/passwd", "../below",    "sub/below", "there/below",
		"no/below",    "below/below", "/below",	   "nbd:localhost:1",
		"json:{}",     "file:below",  "nbd://a/b", "sub/../../below",
	};

	(void)state;
	set_up_folders();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char sentence[200];

		snprintf(sentence, sizeof(sentence),
			 "top: its backing file %s is not in the image's "
			 "folder",
			 names[i]);
		save("top", names[i]);
		expect_no_chain("top", -EXDEV, sentence);
	}
	unlinkat(folder_fd, "sub", AT_REMOVEDIR);
}

static void here(void **state)
{
	char absolute[100], up[100];
	const char *const names[] = {
		"below",  "./below", "././/below", "here/below", "sub/../below",
		absolute, up};

	(void)state;
	snprintf(absolute, sizeof(absolute), "%s/below", folder_path);
	snprintf(up, sizeof(up), "..%s/below", strrchr(folder_path, '/'));
	set_up_folders();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct smi_qcow2_chain *chain;

		save("top", names[i]);
		chain = expect_chain("top");
		assert_int_equal(smi_qcow2_chain_nimages(chain), 2);
		assert_string_equal(smi_qcow2_chain_name(chain, 1), "below");
		smi_qcow2_chain_close(chain);
	}
	unlinkat(folder_fd, "sub", AT_REMOVEDIR);
}

static void no_file_name(void **state)
{
	static const char *const names[] = {".", "..", "./", "./..", "here/."};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char sentence[100];

		snprintf(sentence, sizeof(sentence),
			 "top: its backing file %s is no file name", names[i]);
		save("top", names[i]);
		expect_no_chain("top", -EBADMSG, sentence);
	}
}

/* The longest name, which no file has, and one that would end the line. */
static void absurd_names(void **state)
{
	char name[1024], sentence[128];

	(void)state;
	memset(name, 'x', 1023);
	name[1023] = 0;
	save("top", name);
	snprintf(sentence, sizeof(sentence),
		 "top: its backing file %.70s is no file name", name);
	expect_no_chain("top", -EBADMSG, sentence);
	save("top", "a\n\033[2J");
	expect_no_chain("top", -ENOENT,
			"a??[2J: cannot be opened: No such file or directory; "
			"top stands on it");
}

TEST_MAIN_WITH(folder_create, folder_remove, elsewhere, here, no_file_name,
	       absurd_names)
