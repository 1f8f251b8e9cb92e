/* SPDX-License-Identifier: MIT */
/*
 * Bad command lines: one sentence each, exit status 2 for wrong usage and 1
 * for bad values.
 */
#include "support.h"

#include <string.h>

#include <smudge/error.h>

#include "options.h"

struct bad_line {
	const char *args[4];
	int status;
	const char *sentence; /* part of it */
};

static const struct bad_line bad_lines[] = {
	{{"--frobnicate"}, 2, "Unknown option \"--frobnicate\""},
	{{"-x"}, 2, "Unknown option \"-x\""},
	{{"guest.elf"}, 2, "Unknown option \"guest.elf\""},
	{{"--kernels", "x"}, 2, "Unknown option \"--kernels\""},
	{{"--\033[31m"}, 2, "Unknown option \"--?[31m\""},
	{{"--kernel"}, 2, "missing after \"--kernel\""},
	{{"--kernel", "x", "-m"}, 2, "missing after \"-m\""},
	{{"--paused-start=1"}, 2, "No value belongs to"},
	{{NULL}, 2, "--kernel and --incoming is needed"},
	{{"--kernel=x", "--incoming=y"}, 2, "exclude each other"},
	{{"-m", "0"}, 1, "at least 16M and a multiple of 4K, unlike \"0\""},
	{{"-m", "15M"}, 1, "at least 16M"},
	{{"-m", "16777217"}, 1, "multiple of 4K"},
	{{"-m", "-1"}, 1, "takes a number"},
	{{"-m", ""}, 1, "takes a number"},
	{{"-m", "1GB"}, 1, "takes a number"},
	{{"-m", "1X"}, 1, "takes a number"},
	{{"-m", "99999999999999999999"}, 1, "is more than"},
	{{"-m", "99999999T"}, 1, "is more than"},
	{{"--memory=8000000T"}, 1, "MiB this host has"},
	{{"--engine", "xen"}, 1, "--engine takes auto|kvm|unicorn"},
	{{"--engine", "kv"}, 1, "--engine takes auto|kvm|unicorn"},
	{{"--display", ""}, 1, "--display takes WIDTHxHEIGHT"},
	{{"--display", "640"}, 1, "--display takes WIDTHxHEIGHT"},
	{{"--display", "640x480x32"}, 1, "not \"640x480x32\""},
	{{"--display", "15x16"}, 1, "from 16x16 to 3840x2160"},
	{{"--display", "3841x2160"}, 1, "from 16x16 to 3840x2160"},
	{{"--display", "640x99999999999999999"}, 1, "from 16x16"},
	{{"--display", "0x10"}, 1, "from 16x16"},
	{{"--dirty", "guess"}, 1, "--dirty takes auto|kvm-manual"},
};

static void refuse(const struct bad_line *bad)
{
	char *argv[6] = {(char *)"smudge-vm"};
	struct vm_options options = {.append = "untouched"};
	struct smudge_error err = {0};
	int status = 0;
	int argc = 1;

	while (argc < 5 && bad->args[argc - 1]) {
		argv[argc] = (char *)bad->args[argc - 1];
		argc++;
	}
	assert_true(options_parse(argc, argv, &options, &status, &err) < 0);
	if (status != bad->status || !strstr(err.message, bad->sentence))
		fail_msg("\"%s\": status %d, \"%s\"",
			 bad->args[0] ? bad->args[0] : "", status, err.message);
	assert_string_equal(options.append, "untouched");
}

static void test_bad_lines(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++)
		refuse(&bad_lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
