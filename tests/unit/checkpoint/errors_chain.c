/* SPDX-License-Identifier: MIT */
/*
 * Chains that cannot be opened or read: each has its error, which names the
 * file. A flipped bit anywhere is found, or changes nothing that is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "folder.h"
#include "moments.h"

#define FIRST  "chain/layer-00000001.qcow2"
#define SECOND "chain/layer-00000002.qcow2"
#define THIRD  "chain/layer-00000003.qcow2"

static struct moments memory;

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("errors_chain");

	if (folder_enter(state) < 0)
		return -1;
	moments_open(&memory, "chain");
	for (int i = 0; i < 3; i++) {
		moments_change(&memory, &rng, false);
		moments_keep_first(&memory);
		/* Layer 2 has a page that layer 3 has not. */
		memset(memory.now.regions[0].bytes + 300 * 4096, i ? 7 : 1,
		       4096);
		moments_save(&memory, false);
	}
	return 0;
}

static int tear_down(void **state)
{
	moments_close(&memory);
	return folder_leave(state);
}

static int try(const char *folder, uint64_t number, struct smudge_error *err)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = folder, .number = number};
	struct smudge_chain *chain;
	int ret = smudge_chain_open(&options, &chain, err);

	assert_int_equal(err->code, ret);
	if (ret == 0) {
		ret = smudge_chain_verify(chain, NULL, NULL, err);
		if (ret == 0)
			moment_check(&memory.now, chain);
		smudge_chain_close(chain);
	}
	return ret;
}

static void expect(const char *folder, uint64_t number, int expected,
		   const char *sentence)
{
	struct smudge_error err;
	int ret = try(folder, number, &err);

	if (ret != expected || !strstr(err.message, sentence))
		fail_msg("expected %d \"%s\", got %d \"%s\"", expected,
			 sentence, ret, err.message);
}

static void copy(const char *from, const char *to)
{
	char command[200];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void options_are_checked(void **state)
{
	struct {
		struct smudge_chain_options options;
		uint64_t later;
	} later = {{.size = sizeof(later), .folder = "chain"}, 1};
	struct smudge_chain_options short_one = {.size = 8, .folder = "chain"};
	struct smudge_chain *chain;

	expect(NULL, 0, -EINVAL, "folder");
	expect("", 0, -EINVAL, "folder");
	assert_int_equal(smudge_chain_open(&later.options, &chain, NULL),
			 -E2BIG);
	assert_int_equal(smudge_chain_open(&short_one, &chain, NULL), -EINVAL);
	later.later = 0;
	assert_int_equal(smudge_chain_open(&later.options, &chain, NULL), 0);
	smudge_chain_close(chain);
	smudge_chain_close(NULL);
}

static void what_is_missing_is_named(void **state)
{
	expect("nowhere", 0, -ENOENT, "nowhere");
	expect(FIRST, 0, -ENOTDIR, "layer-00000001");
	expect("chain", 4, -ENOENT, "layer-00000004");
	assert_int_equal(mkdir("empty", 0700), 0);
	expect("empty", 0, -ENOENT, "empty has no layers");
	assert_int_equal(unlink(SECOND), 0);
	expect("chain", 3, -ENOENT,
	       "layer-00000002.qcow2: cannot be opened: No such file or "
	       "directory; layer-00000003.qcow2 stands on it");
}

static void what_is_no_layer_is_named(void **state)
{
	int fd = open(THIRD, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, "no image", 8), 8);
	close(fd);
	expect("chain", 0, -EMEDIUMTYPE, "layer-00000003");
	assert_int_equal(truncate(THIRD, 0), 0);
	expect("chain", 0, -EMEDIUMTYPE, "layer-00000003");
}

/* Layers of another memory, under the names of these. */
static void other_parents_are_refused(void **state)
{
	struct test_rng rng = test_rng_start("errors_chain other");
	struct moments other;

	/* With one seed for all it would be the same memory. */
	(void)test_rng_next(&rng);
	moments_open(&other, "other");
	for (int i = 0; i < 3; i++) {
		moments_change(&other, &rng, false);
		moments_save(&other, false);
	}
	moments_close(&other);
	copy("other/layer-00000001.qcow2", FIRST);
	expect("chain", 3, -ESTALE,
	       "layer-00000002.qcow2 was not made on layer-00000001.qcow2");
	expect("chain", 2, -ESTALE, "layer-00000002.qcow2 was not");
	copy("other/layer-00000002.qcow2", SECOND);
	expect("chain", 3, -ESTALE, "layer-00000003.qcow2 was not");
}

/* An older layer as the parent: it has the same places. */
static void older_parents_are_refused(void **state)
{
	copy(FIRST, SECOND);
	expect("chain", 3, -ESTALE, "layer-00000003.qcow2 was not made on");
}

static uint8_t read_byte(const char *path, off_t at)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	close(fd);
	return byte;
}

static void write_byte(const char *path, off_t at, uint8_t byte)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* What is read in spite of it was checked by try: it is right. */
static void flipped_bits_are_found(void **state)
{
	static const char *const files[] = {FIRST, SECOND, THIRD};
	struct test_rng rng = test_rng_start("errors_chain flips");
	unsigned int nfound = 0, n = test_rounds(600);

	for (unsigned int i = 0; i < n; i++) {
		const char *file = files[test_rng_below(&rng, 3)];
		struct smudge_error err;
		struct stat st;
		off_t at;
		uint8_t byte;

		assert_int_equal(stat(file, &st), 0);
		at = (off_t)test_rng_below(&rng, (uint64_t)st.st_size);
		byte = read_byte(file, at);
		write_byte(file, at,
			   byte ^ (uint8_t)(1 << test_rng_below(&rng, 8)));
		if (try("chain", 0, &err) < 0) {
			nfound++;
			assert_true(err.message[0]);
			/* The bit may be in the name of the parent. */
			if (!strstr(err.message, "layer-") &&
			    !strstr(err.message, ".qcow2"))
				fail_msg("%s", err.message);
		}
		write_byte(file, at, byte);
	}
	print_message("# %u of %u flips were found\n", nfound, n);
	assert_true(nfound > n / 8);
	expect("chain", 0, 0, "");
}

/* At the end there is what a reader does not need: refcounts. */
static void cut_files_are_found(void **state)
{
	struct test_rng rng = test_rng_start("errors_chain cuts");
	unsigned int nfound = 0, n = test_rounds(100);
	struct smudge_error err;
	struct stat st;

	assert_int_equal(stat(FIRST, &st), 0);
	copy(FIRST, "whole");
	for (unsigned int i = 0; i < n; i++) {
		off_t length =
			(off_t)test_rng_below(&rng, (uint64_t)st.st_size);

		assert_int_equal(truncate(FIRST, length), 0);
		if (try("chain", 0, &err) < 0) {
			nfound++;
			assert_non_null(strstr(err.message, "layer-0000000"));
		}
		copy("whole", FIRST);
	}
	print_message("# %u of %u cuts were found\n", nfound, n);
	assert_true(nfound > n / 4);
}

/* Flip a bit of the page in the file, where it is as it was in memory. */
static void damage(const char *path, const uint8_t *page)
{
	static uint8_t bytes[4 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, bytes, sizeof(bytes));
	const uint8_t *found;

	close(fd);
	assert_true(length > 0);
	found = memmem(bytes, (size_t)length, page, 4096);
	assert_non_null(found);
	write_byte(path, found - bytes + 1000, found[1000] ^ 0x10);
}

/* The page, its region and its file are in the error. */
static void bad_pages_are_named(void **state)
{
	struct test_rng rng = test_rng_start("errors_chain page");
	uint8_t *page = memory.now.regions[0].bytes + 77 * 4096;
	uint8_t kept[4096], bytes[4096];
	struct smudge_chain *chain;
	struct smudge_error err;

	for (size_t i = 0; i < 4096; i++)
		page[i] = (uint8_t)test_rng_next(&rng);
	memcpy(kept, page, sizeof(kept));
	moments_save(&memory, false);
	moments_change(&memory, &rng, false);
	page[0]++;
	moments_save(&memory, false);
	damage("chain/layer-00000004.qcow2", kept);
	chain = moments_chain("chain", 4);
	assert_int_equal(smudge_chain_read(chain, 0, 76, 1, bytes, &err), 0);
	assert_int_equal(smudge_chain_read(chain, 0, 77, 1, bytes, &err),
			 -EBADMSG);
	assert_int_equal(err.region, 1);
	assert_int_equal(err.page, 77);
	assert_string_equal(err.message, "layer-00000004.qcow2: page 77 of "
					 "region low is not what was written");
	assert_int_equal(smudge_chain_verify(chain, NULL, NULL, &err),
			 -EBADMSG);
	assert_int_equal(err.page, 77);
	smudge_chain_close(chain);
	/* The next layer has another one there. */
	chain = moments_chain("chain", 5);
	assert_int_equal(smudge_chain_verify(chain, NULL, NULL, &err), 0);
	smudge_chain_close(chain);
}

static void ranges_are_checked(void **state)
{
	struct smudge_chain *chain = moments_chain("chain", 0);
	struct smudge_layer_region region = {.size = 1};
	struct smudge_layer_info info = {.size = 1};
	struct smudge_error err;
	struct smudge_run run;
	uint8_t page[4096];

	assert_int_equal(smudge_chain_read(chain, 0, 600, 1, page, &err),
			 -EINVAL);
	assert_int_equal(smudge_chain_read(chain, 0, UINT64_MAX, 2, page, &err),
			 -EINVAL);
	assert_int_equal(smudge_chain_read(chain, 2, 0, 1, page, &err),
			 -EINVAL);
	assert_int_equal(smudge_chain_next_data(chain, 0, 5, 4, &run, &err),
			 -EINVAL);
	assert_int_equal(smudge_chain_next_data(chain, 0, 0, 601, &run, &err),
			 -EINVAL);
	assert_int_equal(smudge_chain_next_data(chain, 9, 0, 0, &run, &err),
			 -EINVAL);
	assert_int_equal(smudge_chain_read(chain, 0, 600, 0, page, &err), 0);
	assert_int_equal(smudge_chain_layer(chain, 3, &info, &err), -EINVAL);
	assert_int_equal(smudge_chain_layer(chain, 0, &info, &err), -EINVAL);
	assert_int_equal(smudge_chain_region(chain, 2, &region), -EINVAL);
	assert_int_equal(smudge_chain_region(chain, 0, &region), -EINVAL);
	smudge_chain_close(chain);
}

static int note(void *opaque, const struct smudge_layer_info *info,
		const struct smudge_error *why)
{
	int *codes = opaque;

	codes[info->number] = why ? why->code : 0;
	assert_true(info->file_bytes > 0 && info->file_name[0]);
	return 0;
}

/* The others are listed all the same. */
static void a_list_says_why(void **state)
{
	int codes[4] = {9, 9, 9, 9};
	struct smudge_error err;

	write_byte(SECOND, 0, 0);
	assert_int_equal(smudge_layers_each("chain", note, codes, &err), 0);
	assert_int_equal(codes[1], 0);
	assert_int_equal(codes[2], -EMEDIUMTYPE);
	assert_int_equal(codes[3], -EMEDIUMTYPE);
	assert_int_equal(smudge_layers_each("nowhere", note, codes, &err),
			 -ENOENT);
	assert_int_equal(smudge_layers_each(FIRST, note, codes, &err),
			 -ENOTDIR);
}

TEST_MAIN_WITH(set_up, tear_down, options_are_checked, what_is_missing_is_named,
	       what_is_no_layer_is_named, other_parents_are_refused,
	       older_parents_are_refused, flipped_bits_are_found,
	       cut_files_are_found, bad_pages_are_named, ranges_are_checked,
	       a_list_says_why)
