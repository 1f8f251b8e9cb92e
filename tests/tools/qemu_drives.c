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
#include "qemu/images.h"
#include "qemu/machine.h"

static int parse(const char *text, const char *overlays,
		 struct qemu_drives *drives, struct smudge_error *err)
{
	const struct qemu_drives_wish wish = {.overlays = overlays,
					      .cwd = "/srv"};
	json_t *blocks = json_loads(text, 0, NULL);
	int ret;

	assert_non_null(blocks);
	ret = qemu_drives_parse(blocks, &wish, drives, err);
	json_decref(blocks);
	return ret;
}

/* Of query-block; ro is "true" or "false". */
static int parse_drives(const char *const drives[][5], size_t n,
			const char *overlays, struct qemu_drives *ret_drives,
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
	return parse(text, overlays, ret_drives, err);
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
	assert_int_equal(parse_drives(written, 4, NULL, &drives, &err), 0);
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
	assert_int_equal(parse_drives(one, 2, NULL, &drives, &err),
			 -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "pflash1, /srv/vars.fd, is raw"));
	qemu_drives_free(&drives);
}

static void overlays_are_for_all_formats(void **state)
{
	static const char *const one[][5] = {
		{"", "n", "/srv/a.img", "raw", "false"},
		{"virtio1", "m", "/b", "qcow2", "false"},
	};
	char *arguments[] = {
		"q", "-hdb", "/b", "-drive", "if=virtio,file=a.img,format=raw",
		NULL};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_machine machine = {.cwd = (char *)"/srv",
				       .arguments = arguments};
	struct qemu_drives drives;

	(void)state;
	assert_int_equal(parse_drives(one, 2, "/over", &drives, &err), 0);
	assert_true(drives.drives[0].is_node);
	assert_false(drives.drives[1].is_node);
	assert_int_equal(qemu_drives_describe(&drives, "s", &machine), 0);
	assert_string_equal(machine.disks[0].kind, "overlay");
	assert_string_equal(machine.disks[0].format, "raw");
	assert_string_equal(machine.disks[0].file, "/srv/a.img");
	assert_string_equal(machine.disks[0].origin, "/srv/a.img");
	assert_string_equal(machine.disks[0].snapshot, "/over/s-0.qcow2");
	assert_string_equal(machine.disks[1].snapshot, "/over/s-1.qcow2");
	qemu_machine_forget_disks(&machine);
	qemu_drives_free(&drives);
}

/* The command line names the image that all others stand on. */
static void the_origin_is_in_the_chain(void **state)
{
	char *arguments[] = {"q", "-drive", "file=/a,,b.img", NULL};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_machine machine = {.arguments = arguments};
	struct qemu_drives drives;
	struct qemu_words words = {0};

	(void)state;
	assert_int_equal(
		parse("[{\"device\": \"d\", \"inserted\": {\"ro\": false, "
		      "\"drv\": \"qcow2\", \"image\": {\"filename\": "
		      "\"/2\", \"backing-image\": {\"filename\": \"/1\", "
		      "\"backing-image\": {\"filename\": \"/a,b.img\"}}}}}]",
		      "/over", &drives, &err),
		0);
	assert_int_equal(qemu_drives_describe(&drives, "s", &machine), 0);
	assert_string_equal(machine.disks[0].file, "/2");
	assert_string_equal(machine.disks[0].origin, "/a,b.img");
	for (size_t i = 0; arguments[i]; i++)
		qemu_words_add(&words, arguments[i]);
	assert_true(qemu_replace_image(&words, NULL, "/a,b.img", "/new,1"));
	assert_string_equal(words.words[2], "format=qcow2,file=/new,,1");
	assert_false(qemu_replace_image(&words, NULL, "/a,b.img", "/x"));
	qemu_words_free(&words);
	qemu_machine_forget_disks(&machine);
	qemu_drives_free(&drives);
}

static void overlays_need_whole_paths(void **state)
{
	static const char *const one[][5] = {
		{"", "n", "a.img", "raw", "false"},
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct qemu_drives drives;

	(void)state;
	assert_int_equal(parse_drives(one, 1, "/over", &drives, &err),
			 -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "the image a.img"));
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
		cmocka_unit_test(overlays_are_for_all_formats),
		cmocka_unit_test(the_origin_is_in_the_chain),
		cmocka_unit_test(overlays_need_whole_paths),
		cmocka_unit_test(names_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
