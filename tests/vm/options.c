/* SPDX-License-Identifier: MIT */
/*
 * Valid command lines and sizes.
 */
#include "support.h"

#include <smudge/error.h>

#include "options.h"

static void parse(char *const argv[], struct vm_options *options)
{
	struct smudge_error err = {0};
	int argc = 0;

	while (argv[argc])
		argc++;
	if (options_parse(argc, argv, options, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_defaults(void **state)
{
	char *const argv[] = {(char *)"smudge-vm", (char *)"--kernel",
			      (char *)"x", NULL};
	struct vm_options options;

	parse(argv, &options);
	assert_int_equal(options.action, VM_ACTION_RUN);
	assert_int_equal(options.machine.memory_bytes, VM_MEMORY_DEFAULT);
	assert_int_equal(options.machine.nvcpus, 1);
	assert_string_equal(options.kernel, "x");
	assert_string_equal(options.append, "");
	assert_string_equal(options.machine.engine, "auto");
	assert_string_equal(options.machine.dirty, "auto");
	assert_string_equal(options.machine.devices.serial, "stdio");
	assert_null(options.control.incoming);
	assert_null(options.control.qmp);
	assert_false(options.control.paused_start);
	assert_false(options.machine.is_incoming);
	assert_false(options.machine.ignores_code);
	assert_int_equal(options.verbose, 0);
}

static void test_verbose(void **state)
{
	char *argv[] = {(char *)"smudge-vm", (char *)"--kernel=x", (char *)"-v",
			(char *)"--verbose", (char *)"-v",	   NULL};
	struct vm_options options;

	parse(argv, &options);
	assert_int_equal(options.verbose, SMUDGE_LOG_DEBUG);
	argv[3] = NULL;
	parse(argv, &options);
	assert_int_equal(options.verbose, SMUDGE_LOG_INFO);
}

static void test_all_options(void **state)
{
	char *const argv[] = {(char *)"smudge-vm",
			      (char *)"-m",
			      (char *)"32m",
			      (char *)"--smp=8",
			      (char *)"--incoming=tcp:localhost:0",
			      (char *)"--append",
			      (char *)"a=b c",
			      (char *)"--engine=unicorn",
			      (char *)"--dirty",
			      (char *)"hook",
			      (char *)"--serial=file:/x=y",
			      (char *)"--qmp",
			      (char *)"unix:/tmp/q",
			      (char *)"--x-track-code=off",
			      (char *)"-S",
			      NULL};
	struct vm_options options;

	parse(argv, &options);
	assert_int_equal(options.machine.memory_bytes, 32 << 20);
	assert_int_equal(options.machine.nvcpus, 8);
	assert_string_equal(options.control.incoming, "tcp:localhost:0");
	assert_string_equal(options.append, "a=b c");
	assert_string_equal(options.machine.engine, "unicorn");
	assert_string_equal(options.machine.dirty, "hook");
	assert_string_equal(options.machine.devices.serial, "file:/x=y");
	assert_string_equal(options.control.qmp, "unix:/tmp/q");
	assert_true(options.control.paused_start);
	assert_true(options.machine.is_incoming);
	assert_true(options.machine.ignores_code);
}

static void test_help_and_version_need_no_guest(void **state)
{
	char *const help[] = {(char *)"smudge-vm", (char *)"--help", NULL};
	char *const version[] = {(char *)"smudge-vm", (char *)"--version",
				 NULL};
	struct vm_options options;

	parse(help, &options);
	assert_int_equal(options.action, VM_ACTION_HELP);
	parse(version, &options);
	assert_int_equal(options.action, VM_ACTION_VERSION);
}

static void test_sizes(void **state)
{
	uint64_t bytes;

	assert_int_equal(options_parse_size("4096", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(options_parse_size("3K", &bytes), 0);
	assert_int_equal(bytes, 3072);
	assert_int_equal(options_parse_size("2g", &bytes), 0);
	assert_int_equal(bytes, UINT64_C(2) << 30);
	assert_int_equal(options_parse_size("16777215T", &bytes), 0);
	assert_int_equal(bytes, UINT64_C(16777215) << 40);
	assert_true(options_parse_size("16777216T", &bytes) < 0);
	/* blanks and other bytes that differ from a suffix in one bit */
	assert_true(options_parse_size("16 ", &bytes) < 0);
	assert_true(options_parse_size("16\x0b", &bytes) < 0);
	assert_true(options_parse_size("16-", &bytes) < 0);
	assert_true(options_parse_size("16GB", &bytes) < 0);
	assert_true(options_parse_size("18446744073709551616", &bytes) < 0);
	assert_int_equal(options_parse_size("18446744073709551615", &bytes), 0);
	assert_true(bytes == UINT64_MAX);
}

static void test_seconds(void **state)
{
	static const char *const wrong[] = {"",
					    ".",
					    ".5",
					    "5.",
					    "-1",
					    "+1",
					    " 1",
					    "1 ",
					    "1e3",
					    "0x1",
					    "0.0005",
					    "1.2.3",
					    "99999999999999999999999"};
	uint64_t ms = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(options_parse_seconds(wrong[i], &ms) < 0);
	assert_int_equal(ms, 7);
	assert_int_equal(options_parse_seconds("2", &ms), 0);
	assert_int_equal(ms, 2000);
	assert_int_equal(options_parse_seconds("0.1", &ms), 0);
	assert_int_equal(ms, 100);
	assert_int_equal(options_parse_seconds("12.345", &ms), 0);
	assert_int_equal(ms, 12345);
	assert_int_equal(options_parse_seconds("0", &ms), 0);
	assert_int_equal(ms, 0);
}

static void test_checkpoints(void **state)
{
	char *const argv[] = {(char *)"smudge-vm",
			      (char *)"--restore=f@3",
			      (char *)"--checkpoint-to",
			      (char *)"g",
			      (char *)"--checkpoint-every",
			      (char *)"0.25",
			      (char *)"--checkpoint-keep",
			      (char *)"last=60,weekly=4,garbage=0",
			      NULL};
	struct vm_options options;

	parse(argv, &options);
	assert_string_equal(options.control.restore, "f@3");
	assert_string_equal(options.control.checkpoint.folder, "g");
	assert_int_equal(options.control.checkpoint_every_ns, 250000000);
	assert_int_equal(options.control.checkpoint.keep.last, 60);
	assert_int_equal(options.control.checkpoint.keep.hourly, 0);
	assert_int_equal(options.control.checkpoint.keep.weekly, 4);
	assert_int_equal(options.control.checkpoint.keep.garbage_percent, 0);
	assert_true(options.control.checkpoint.keep.has_garbage);
	assert_false(options.machine.is_incoming);
	assert_null(options.kernel);
	assert_false(options.control.is_lazy);
	assert_true(options.machine.is_restored);
}

static void test_disk(void **state)
{
	char *const argv[] = {(char *)"smudge-vm",
			      (char *)"--kernel=x",
			      (char *)"--checkpoint-to=nbd://host/web",
			      (char *)"--checkpoint-every=60",
			      (char *)"--on-commit",
			      (char *)"take it",
			      (char *)"--snapshot-qmp=s",
			      (char *)"--snapshot-node=n",
			      (char *)"--store-deadline=0.5",
			      (char *)"--store-without-flush",
			      NULL};
	const struct checkpoint_request *request;
	struct vm_options options;

	parse(argv, &options);
	request = &options.control.checkpoint;
	assert_string_equal(request->folder, "nbd://host/web");
	assert_string_equal(request->on_commit, "take it");
	assert_string_equal(request->snapshot_qmp, "s");
	assert_string_equal(request->snapshot_node, "n");
	assert_int_equal(request->store_deadline_ns, 500000000);
	assert_true(request->may_lack_flush);
}

static void test_lazy(void **state)
{
	char *const argv[] = {(char *)"smudge-vm", (char *)"--restore=f",
			      (char *)"--lazy", (char *)"--lazy-rate=3M", NULL};
	struct vm_options options;

	parse(argv, &options);
	assert_true(options.control.is_lazy);
	assert_int_equal(options.control.lazy_bytes_per_second, 3 << 20);
}

TEST_MAIN(test_defaults, test_verbose, test_all_options,
	  test_help_and_version_need_no_guest, test_sizes, test_seconds,
	  test_checkpoints, test_disk, test_lazy)
