/* SPDX-License-Identifier: MIT */
/*
 * Invalid command lines: one sentence each.
 */
#include "support.h"

#include <string.h>

#include <smudge/error.h>

#include "options.h"

struct bad_line {
	const char *args[6];
	const char *sentence; /* part of it */
};

static const struct bad_line bad_lines[] = {
	{{"--frobnicate"}, "unknown option '--frobnicate'"},
	{{"-x"}, "unknown option '-x'"},
	{{"guest.elf"}, "unknown option 'guest.elf'"},
	{{"--kernels", "x"}, "unknown option '--kernels'"},
	{{"--\033[31m"}, "unknown option '--?[31m'"},
	{{"--kernel"}, "missing after '--kernel'"},
	{{"--kernel", "x", "-m"}, "missing after '-m'"},
	{{"--paused-start=1"}, "no value belongs to"},
	{{NULL}, "--kernel, --incoming and --restore is needed"},
	{{"--kernel=x", "--incoming=y"}, "exclude each other"},
	{{"--kernel=x", "--restore=y"}, "exclude each other"},
	{{"--incoming=x", "--restore=y"}, "exclude each other"},
	{{"--restore=x", "--append", "a=1"}, "--append is for --kernel"},
	{{"--kernel=x", "--lazy"}, "--lazy needs --restore"},
	{{"--restore=x", "--lazy-rate", "1M"}, "--lazy-rate needs --lazy"},
	{{"--restore=x", "--lazy", "--lazy-rate", "0"}, "not '0'"},
	{{"--restore=x", "--lazy", "--lazy-rate", "1MB"}, "bytes per second"},
	{{"--restore=x", "--lazy=yes"}, "no value belongs to"},
	{{"--kernel=x", "--checkpoint-every", "0"}, "seconds, from 0.01"},
	{{"--kernel=x", "--checkpoint-every", "0.009"}, "seconds, from 0.01"},
	{{"--kernel=x", "--checkpoint-every", "1s"}, "not '1s'"},
	{{"--kernel=x", "--checkpoint-every", "1000001"}, "to 1000000"},
	{{"--kernel=x", "--checkpoint-every", "1"}, "needs --checkpoint-to"},
	{{"--restore=x", "--checkpoint-every=1", "--checkpoint-to=none"},
	 "needs --checkpoint-to"},
	{{"--kernel=x", "--checkpoint-to="}, "a folder, the URI of a disk, or"},
	{{"--kernel=x", "--checkpoint-to=s3://a"}, "of URIs there are nbd://"},
	{{"--kernel=x", "--checkpoint-to=nbd+ssh://a"}, "a folder or a disk"},
	{{"--kernel=x", "--checkpoint-to=nbd://a"},
	 "a disk holds one moment, which the next checkpoint overwrites"},
	{{"--kernel=x", "--checkpoint-to=nbd://a", "--snapshot-qmp=s"},
	 "belong together"},
	{{"--kernel=x", "--checkpoint-to=nbd://a", "--snapshot-node=n"},
	 "belong together"},
	{{"--kernel=x", "--checkpoint-to=nbd://a", "--checkpoint-every=1",
	  "--on-commit=c", "--checkpoint-keep=last=1"},
	 "--checkpoint-keep is for folders"},
	{{"--kernel=x", "--checkpoint-to=a", "--snapshot-qmp=s",
	  "--snapshot-node=n"},
	 "--snapshot-qmp needs a disk"},
	{{"--kernel=x", "--snapshot-qmp=s", "--snapshot-node=n"},
	 "--snapshot-qmp needs a disk"},
	{{"--kernel=x", "--checkpoint-to=a", "--store-without-flush"},
	 "--store-without-flush needs a disk"},
	{{"--kernel=x", "--checkpoint-to=a", "--store-deadline=1"},
	 "--store-deadline needs --on-commit, or a disk"},
	{{"--kernel=x", "--on-commit=c"}, "--on-commit needs --checkpoint-to"},
	{{"--kernel=x", "--checkpoint-to=none", "--on-commit=c"},
	 "--on-commit needs --checkpoint-to"},
	{{"--kernel=x", "--on-commit="}, "--on-commit takes a command"},
	{{"--kernel=x", "--store-deadline=0.09"}, "seconds, from 0.1"},
	{{"--kernel=x", "--store-deadline=31536001"}, "not '31536001'"},
	{{"--kernel=x", "--store-deadline=x"},
	 "--store-deadline takes seconds"},
	{{"--kernel=x", "--store-without-flush=1"}, "no value belongs to"},
	{{"--kernel=x", "--checkpoint-keep", "last=1"},
	 "--checkpoint-keep needs --checkpoint-every"},
	{{"--kernel=x", "--checkpoint-keep", "7"}, "not '7'"},
	{{"--kernel=x", "--checkpoint-keep", "last=7,"}, "not 'last=7,'"},
	{{"--kernel=x", "--checkpoint-keep", "last=7 "}, "not 'last=7 '"},
	{{"--kernel=x", "--checkpoint-keep", "daily=0"}, "not 'daily=0'"},
	{{"--kernel=x", "--checkpoint-keep", "garbage=5"}, "takes numbers"},
	{{"--kernel=x", "--checkpoint-keep", "last=1,garbage=101"}, "garbage"},
	{{"--incoming=defer"}, "needs --qmp"},
	{{"--kernel=x", "-S"}, "--paused-start waits for QMP's cont"},
	{{"-m", "0"}, "at least 16M and a multiple of 4K, unlike '0'"},
	{{"-m", "15M"}, "at least 16M"},
	{{"-m", "16777217"}, "multiple of 4K"},
	{{"-m", "-1"}, "takes a number"},
	{{"-m", ""}, "takes a number"},
	{{"-m", "1GB"}, "takes a number"},
	{{"-m", "1X"}, "takes a number"},
	{{"-m", "99999999999999999999"}, "is more than"},
	{{"-m", "99999999T"}, "is more than"},
	{{"--memory=8000000T"}, "MiB this host has"},
	{{"--smp", "0"}, "--smp takes a number of virtual processors"},
	{{"--smp", "9"}, "from 1 to 8, not '9'"},
	{{"--smp", "16"}, "not '16'"},
	{{"--smp", ""}, "not ''"},
	{{"--smp", "2,cores=2"}, "not '2,cores=2'"},
	{{"--engine", "xen"}, "--engine takes auto|kvm|unicorn"},
	{{"--engine", "kv"}, "--engine takes auto|kvm|unicorn"},
	{{"--display", ""}, "--display takes WIDTHxHEIGHT"},
	{{"--display", "640"}, "--display takes WIDTHxHEIGHT"},
	{{"--display", "640x480x32"}, "not '640x480x32'"},
	{{"--display", "15x16"}, "from 16x16 to 3840x2160"},
	{{"--display", "3841x2160"}, "from 16x16 to 3840x2160"},
	{{"--display", "640x99999999999999999"}, "from 16x16"},
	{{"--display", "0x10"}, "from 16x16"},
	{{"--serial", "pty"}, "--serial takes stdio, null or file:PATH"},
	{{"--serial", "file:"}, "not 'file:'"},
	{{"--dirty", "guess"}, "--dirty takes auto|kvm-manual"},
	{{"--x-track-code", "no"}, "--x-track-code takes on|off"},
};

static void refuse(const struct bad_line *bad)
{
	char *argv[8] = {(char *)"smudge-vm"};
	struct vm_options options = {.append = "untouched"};
	struct smudge_error err = {0};
	int argc = 1;

	while (argc < 7 && bad->args[argc - 1]) {
		argv[argc] = (char *)bad->args[argc - 1];
		argc++;
	}
	assert_true(options_parse(argc, argv, &options, &err) < 0);
	if (!strstr(err.message, bad->sentence))
		fail_msg("\"%s\": \"%s\"", bad->args[0] ? bad->args[0] : "",
			 err.message);
	assert_string_equal(options.append, "untouched");
}

static void test_bad_lines(void **state)
{
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++)
		refuse(&bad_lines[i]);
}

TEST_MAIN(test_bad_lines)
