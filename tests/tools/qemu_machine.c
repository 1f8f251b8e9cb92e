/* SPDX-License-Identifier: MIT */
/*
 * What a layer keeps of a QEMU is read back as it was; what is none is refused.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/machine.h"

static void build(struct qemu_machine *machine)
{
	static char *const arguments[] = {"qemu", "-m", "\xff\x80,x", ""};
	const struct qemu_backend backend = {
		.id = "mem",
		.size_bytes = (uint64_t)1 << 40,
		.region = "7f0000000000 /memfd:memory-backend-memfd (deleted)",
		.kind = QEMU_BACKEND_FILE,
	};
	const struct qemu_disk disk = {.node = "d0", .file = "/x.qcow2"};
	const struct qemu_mapped mapped = {
		.gpa = (uint64_t)1 << 32,
		.nbytes = (uint64_t)3 << 30,
		.backend = "mem",
		.offset = 4096,
	};

	memset(machine, 0, sizeof(*machine));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			qemu_machine_add_argument(machine, arguments[i]), 0);
	assert_int_equal(qemu_machine_add_backend(machine, &backend), 0);
	assert_int_equal(qemu_machine_add_mapped(machine, &mapped), 0);
	assert_int_equal(qemu_machine_add_disk(machine, &disk), 0);
	machine->cwd = strdup("/srv");
	machine->exe = strdup("/usr/bin/qemu");
	machine->pid = 77;
	machine->start_ticks = 12345;
	machine->version = strdup("7.2.22");
	machine->type = strdup("pc-q35-7.2");
	machine->was_running = true;
	machine->pause_ns = 1234567890123;
}

static void assert_as_built(const struct qemu_machine *machine)
{
	assert_int_equal(machine->narguments, 4);
	assert_string_equal(machine->arguments[1], "-m");
	assert_string_equal(machine->arguments[2], "\xff\x80,x");
	assert_string_equal(machine->arguments[3], "");
	assert_null(machine->arguments[4]);
	assert_int_equal(machine->nbackends, 1);
	assert_string_equal(machine->backends[0].id, "mem");
	assert_true(machine->backends[0].size_bytes == (uint64_t)1 << 40);
	assert_int_equal(machine->backends[0].kind, QEMU_BACKEND_FILE);
	assert_int_equal(machine->nmapped, 1);
	assert_true(machine->mapped[0].gpa == (uint64_t)1 << 32);
	assert_true(machine->mapped[0].nbytes == (uint64_t)3 << 30);
	assert_string_equal(machine->mapped[0].backend, "mem");
	assert_true(machine->mapped[0].offset == 4096);
	assert_int_equal(machine->ndisks, 1);
	assert_string_equal(machine->disks[0].node, "d0");
	assert_null(machine->disks[0].snapshot);
	assert_string_equal(machine->disks[0].file, "/x.qcow2");
	assert_string_equal(machine->cwd, "/srv");
	assert_string_equal(machine->exe, "/usr/bin/qemu");
	assert_int_equal(machine->pid, 77);
	assert_int_equal(machine->start_ticks, 12345);
	assert_string_equal(machine->type, "pc-q35-7.2");
	assert_true(machine->was_running);
	assert_true(machine->pause_ns == 1234567890123);
}

static void what_was_written_is_read(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_machine written, read;
	size_t length;
	char *text;

	build(&written);
	assert_int_equal(qemu_machine_encode(&written, &text, &length, &err),
			 0);
	assert_int_equal(qemu_machine_decode(text, length, &read, &err), 0);
	assert_as_built(&read);
	qemu_machine_free(&written);
	qemu_machine_free(&read);
	free(text);
}

static void what_is_no_machine_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{}",
		"{\"arguments\": {}}",
		"{\"arguments\": [1]}",
		"{\"arguments\": [{\"hex\": \"0\"}]}",
		"{\"arguments\": [{\"hex\": \"0G\"}]}",
		"{\"arguments\": [], \"cwd\": 7}",
		"{\"arguments\": [], \"backends\": 7}",
		"{\"arguments\": [], \"backends\": [{}]}",
		"{\"arguments\": [], \"backends\": [{\"id\": \"m\", \"size\": "
		"-1, \"region\": \"r\", \"kind\": \"file\"}]}",
		"{\"arguments\": [], \"backends\": [{\"id\": \"m\", \"size\": "
		"1, \"region\": \"r\", \"kind\": \"ram\"}]}",
		"{\"arguments\": [], \"memory-map\": {}}",
		"{\"arguments\": [], \"memory-map\": [{\"gpa\": -1, "
		"\"size\": 1, \"backend\": \"m\", \"offset\": 0}]}",
		"{\"arguments\": [], \"memory-map\": [{\"gpa\": 0, "
		"\"size\": 0, \"backend\": \"m\", \"offset\": 0}]}",
		"{\"arguments\": [], \"memory-map\": [{\"gpa\": 0, "
		"\"size\": 1, \"backend\": \"m\"}]}",
		"{\"arguments\": [], \"disks\": [{\"node\": 1}]}",
		"{\"arguments\": [\"a\\u0000b\"]}",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		struct qemu_machine machine;

		assert_int_equal(qemu_machine_decode(wrong[i], strlen(wrong[i]),
						     &machine, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.message, "damaged"));
	}
}

static void members_of_later_versions_are_passed_over(void **state)
{
	static const char text[] = "{\"arguments\": [\"q\"], \"later\": [1]}";
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_machine machine;

	assert_int_equal(
		qemu_machine_decode(text, strlen(text), &machine, &err), 0);
	assert_int_equal(machine.narguments, 1);
	assert_false(machine.was_running);
	qemu_machine_free(&machine);
}

TEST_MAIN(what_was_written_is_read, what_is_no_machine_is_refused,
	  members_of_later_versions_are_passed_over)
