/* SPDX-License-Identifier: MIT */
/*
 * Which of a machine's drives get snapshots, and how a layer names them.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/error.h>

#include "qemu/drives.h"
#include "qemu/machine.h"

static int parse(const char *text, struct qemu_drives *drives,
		 struct smudge_error *err)
{
	json_t *blocks = json_loads(text, 0, NULL);
	int ret;

	assert_non_null(blocks);
	ret = qemu_drives_parse(blocks, drives, err);
	json_decref(blocks);
	return ret;
}

/* Of query-block; ro is "true" or "false". */
static int parse_drives(const char *const drives[][5], size_t n,
			struct qemu_drives *ret_drives,
			struct smudge_error *err)
{
	char text[4096] = "[{\"device\": \"ide1-cd0\"}";

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", {\"device\": \"%s\", \"inserted\": {"
			 "\"node-name\": \"%s\", \"image\": {\"filename\": "
			 "\"%s\"}, \"drv\": \"%s\", \"ro\": %s}}",
			 drives[i][0], drives[i][1], drives[i][2], drives[i][3],
			 drives[i][4]);
	strcat(text, "]");
	return parse(text, ret_drives, err);
}

static void those_that_are_written(void **state)
{
	static const char *const written[][5] = {
		{"virtio0", "#block1", "a.qcow2", "qcow2", "false"},
		{"", "n1", "/b.qcow2", "qcow2", "false"},
		{"floppy0", "#block2", "c.img", "raw", "true"},
		{"net", "n3", "nbd://h/x", "qcow2", "false"},
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_machine machine = {.cwd = NULL};
	struct qemu_drives drives;

	(void)state;
	assert_int_equal(parse_drives(written, 4, &drives, &err), 0);
	assert_int_equal(drives.n, 3);
	machine.cwd = strdup("/srv");
	/* a second moment replaces the first one's */
	assert_int_equal(qemu_drives_describe(&drives, "old", &machine), 0);
	assert_int_equal(qemu_drives_describe(&drives, "s", &machine), 0);
	assert_int_equal(machine.ndisks, 3);
	assert_string_equal(machine.disks[0].node, "virtio0");
	assert_string_equal(machine.disks[0].file, "/srv/a.qcow2");
	assert_string_equal(machine.disks[0].snapshot, "s");
	assert_string_equal(machine.disks[1].node, "n1");
	assert_string_equal(machine.disks[1].file, "/b.qcow2");
	assert_string_equal(machine.disks[2].file, "nbd://h/x");
	qemu_drives_free(&drives);
	qemu_machine_free(&machine);
}

static void one_that_can_have_none_is_named(void **state)
{
	static const char *const one[][5] = {
		{"virtio0", "n", "a.qcow2", "qcow2", "false"},
		{"pflash1", "m", "vars.fd", "raw", "false"},
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_drives drives;

	(void)state;
	assert_int_equal(parse_drives(one, 2, &drives, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "pflash1, vars.fd, is raw"));
	qemu_drives_free(&drives);
}

static void names_differ(void **state)
{
	char first[QEMU_SNAPSHOT_BYTES], second[QEMU_SNAPSHOT_BYTES];

	(void)state;
	qemu_snapshot_name(first);
	do
		qemu_snapshot_name(second);
	while (strcmp(first, second) == 0);
	assert_int_equal(strncmp(first, "smudge-2", 8), 0);
	assert_int_equal(strlen(first),
			 strlen("smudge-20261127T074501.123456"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_that_are_written),
		cmocka_unit_test(one_that_can_have_none_is_named),
		cmocka_unit_test(names_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
