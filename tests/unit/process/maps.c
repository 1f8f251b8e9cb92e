/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/PID/maps: every field, hostile names, texts that are none.
 * Random texts come back as they were made; and this process's own mappings are
 * what the kernel says one by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/maps.h"
#include "process/proc_dir.h"
#include "support.h"

static int parse(const char *text, struct smi_process_maps *maps)
{
	return smi_process_maps_parse(strdup(text), strlen(text), maps);
}

static void fields(void **state)
{
	struct smi_process_maps maps;

	assert_int_equal(
		parse("00400000-00452000 r-xp 00001000 08:02 173521      "
		      "/usr/bin/dbus daemon\n"
		      "00e03000-00e24000 rw-p 00000000 00:00 0           "
		      "[heap]\n"
		      "7f0000000000-7f0000001000 rw-s 00000000 00:01 "
		      "18446744073709551615 /memfd:a (deleted)\n"
		      "7f0000002000-7f0000003000 ---p 00000000 00:00 0 \n"
		      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
		      "[vsyscall]\n",
		      &maps),
		0);
	assert_int_equal(maps.n, 5);
	assert_int_equal(maps.list[0].start, 0x400000);
	assert_int_equal(maps.list[0].end, 0x452000);
	assert_int_equal(maps.list[0].file_off, 0x1000);
	assert_int_equal(maps.list[0].dev_major, 8);
	assert_int_equal(maps.list[0].dev_minor, 2);
	assert_int_equal(maps.list[0].inode, 173521);
	assert_true(maps.list[0].has_file && maps.list[0].is_readable);
	assert_false(maps.list[0].is_writable || maps.list[0].is_shared);
	assert_string_equal(maps.list[0].name, "/usr/bin/dbus daemon");
	assert_string_equal(maps.list[1].name, "[heap]");
	assert_true(maps.list[0].is_executable);
	assert_false(maps.list[1].is_executable);
	assert_false(maps.list[1].has_file);
	assert_true(maps.list[2].is_shared && maps.list[2].is_writable);
	assert_true(maps.list[2].inode == UINT64_MAX);
	assert_string_equal(maps.list[2].name, "/memfd:a (deleted)");
	assert_string_equal(maps.list[3].name, "");
	assert_false(maps.list[3].is_readable);
	assert_true(maps.list[4].start == UINT64_C(0xffffffffff600000));
	smi_process_maps_free(&maps);
}

static void hostile_names(void **state)
{
	static const char *const names[] = {
		"/a\\012b",	"/tmp/x\\0127f00-7f01 rw-p 00000000 00:00 0",
		"/[heap]",	"/x (deleted) (deleted)",
		"[anon:a b:c]", "/caf\xc3\xa9\xff\x01\x1b[31m",
	};
	struct smi_process_maps maps;
	char line[400];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line),
			 "1000-2000 rw-p 00000000 08:01 7    %s\n", names[i]);
		assert_int_equal(parse(line, &maps), 0);
		assert_int_equal(maps.n, 1);
		assert_string_equal(maps.list[0].name, names[i]);
		smi_process_maps_free(&maps);
	}
}

static void a_very_long_name(void **state)
{
	size_t length = 100000;
	char *text = malloc(length + 100);
	int head = sprintf(text, "1000-2000 rw-p 00000000 08:01 7 /");
	struct smi_process_maps maps;

	memset(text + head, 'n', length);
	strcpy(text + head + length, "\n");
	assert_int_equal(smi_process_maps_parse(text, strlen(text), &maps), 0);
	assert_int_equal(strlen(maps.list[0].name), length + 1);
	smi_process_maps_free(&maps);
}

static void no_such_texts(void **state)
{
	static const char *const texts[] = {
		"\n",
		"x",
		"1000-2000 rw-p 00000000 08:01 7 /no newline",
		"1000-1000 rw-p 00000000 08:01 7 /empty\n",
		"2000-1000 rw-p 00000000 08:01 7 /backwards\n",
		"-2000 rw-p 00000000 08:01 7 /a\n",
		"1000-2000 rw 00000000 08:01 7 /a\n",
		"1000-2000 rw-p 0000000g 08:01 7 /a\n",
		"1000-2000 rw-p 00000000 08-01 7 /a\n",
		"1000-2000 rw-p 00000000 08:01 f /a\n",
		"1000-2000 rw-p 00000000 08:01 7",
		"11112222333344445-2000 rw-p 00000000 08:01 7 /a\n",
	};
	struct smi_process_maps maps;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(texts[i], &maps), -EIO);
		smi_process_maps_free(&maps);
	}
	assert_int_equal(parse("", &maps), 0);
	assert_int_equal(maps.n, 0);
	smi_process_maps_free(&maps);
}

/* A mapping that was divided while the kernel wrote its first part. */
static void twice_in_a_text(void **state)
{
	struct smi_process_maps maps;

	assert_int_equal(parse("1000-3000 rw-p 00005000 08:01 7 /a\n"
			       "1000-9000 rw-p 00005000 08:01 7 /a\n"
			       "1000-2000 rw-p 00000000 00:00 0 \n"
			       "8000-a000 rw-p 00000000 00:00 0 \n"
			       "b000-c000 rw-p 00000000 00:00 0 \n",
			       &maps),
			 0);
	assert_int_equal(maps.n, 4);
	assert_int_equal(maps.list[1].start, 0x3000);
	assert_int_equal(maps.list[1].end, 0x9000);
	assert_int_equal(maps.list[1].file_off, 0x7000);
	assert_int_equal(maps.list[2].start, 0x9000);
	assert_int_equal(maps.list[2].end, 0xa000);
	assert_int_equal(maps.list[2].file_off, 0);
	assert_int_equal(maps.list[3].start, 0xb000);
	smi_process_maps_free(&maps);
}

/* Whatever bytes come: no crash, and what is parsed is in order. */
static void random_texts(void **state)
{
	static const char some[] = "0123456789abcdef-rwxps: \n/\\[]\377";
	struct test_rng rng = test_rng_start(__func__);
	static const char good[] =
		"1000-2000 rw-p 00000000 08:01 7    /a\n"
		"2000-3000 r--s 00001000 08:01 7    /a (deleted)\n";

	for (int i = 0; i < 50000; i++) {
		char *text = strdup(good);
		size_t length = 1 + test_rng_below(&rng, strlen(good));
		struct smi_process_maps maps;

		for (uint64_t n = test_rng_below(&rng, 4); n; n--)
			text[test_rng_below(&rng, length)] =
				some[test_rng_below(&rng, sizeof(some) - 1)];
		text[length] = '\0';
		if (smi_process_maps_parse(text, length, &maps) == 0) {
			for (size_t k = 0; k < maps.n; k++) {
				assert_true(maps.list[k].start <
					    maps.list[k].end);
				assert_true(!k || maps.list[k - 1].end <=
							  maps.list[k].start);
			}
		}
		smi_process_maps_free(&maps);
	}
}

/* What libc parses differs in nothing. */
static void own_mappings(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int proc = smi_proc_dir_open(getpid());
	struct smi_process_maps maps;
	bool has_stack = false;

	if (proc < 0)
		test_skip_without("proc", "/proc is not mounted");
#ifdef TEST_EMULATED
	close(proc);
	test_skip_without("proc", "the maps there are the emulator's");
#endif
	assert_int_equal(smi_process_maps_read(proc, &maps, &err), 0);
	assert_true(maps.n > 3);
	for (size_t i = 0; i < maps.n; i++)
		has_stack |= !strcmp(maps.list[i].name, "[stack]") &&
			     maps.list[i].start <= (uintptr_t)&maps &&
			     (uintptr_t)&maps < maps.list[i].end;
	assert_true(has_stack);
	smi_process_maps_free(&maps);
	close(proc);
}

TEST_MAIN(fields, hostile_names, a_very_long_name, no_such_texts,
	  twice_in_a_text, random_texts, own_mappings)
