/* SPDX-License-Identifier: MIT */
/*
 * Pruning that fails: calls on files, layers that are damaged or hostile, and
 * files that change meanwhile. Nothing that is to be kept is lost, the sentence
 * names the layer, and the next call completes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/chain.h"
#include "common/little_endian.h"
#include "fail_files.h"
#include "folder.h"
#include "prune_rig.h"

#define NLAYERS 6

static struct prune_rig rig;
static struct smudge_prune_options options;

/*
 * Pages that are stored as they are, first in the file of a full layer; and a
 * page of the table is full of their digests, which do not compress either.
 */
static void write_random_pages(struct test_rng *rng)
{
	uint8_t *at = rig.m.now.regions[0].bytes + 256 * 4096;

	for (size_t i = 0; i < 256 * 4096; i += 8)
		little_endian_put(at + i, test_rng_next(rng), 8);
}

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("errors_prune");

	if (folder_enter(state) < 0)
		return -1;
	prune_rig_open(&rig, "chain");
	write_random_pages(&rng);
	for (int i = 0; i < NLAYERS; i++)
		prune_rig_save(&rig, &rng, false, i == 2);
	/* 1 and 2 go, 3 and 4 are merged into 5. */
	options = (struct smudge_prune_options){
		.size = sizeof(options), .keep_last = 2, .merge_all = true};
	return 0;
}

static int tear_down(void **state)
{
	prune_rig_close(&rig);
	return folder_leave(state);
}

/* Return: the sentence. */
static const char *expect(int expected)
{
	static struct smudge_error err;
	struct smudge_prune_result result;

	assert_int_equal(prune_rig_prune(&rig, &options, &result, &err),
			 expected);
	return err.message;
}

static void expect_numbers(const uint64_t *numbers, size_t n)
{
	uint64_t found[PRUNE_RIG_MAX];

	assert_int_equal(prune_rig_numbers("chain", found), n);
	assert_memory_equal(found, numbers, n * sizeof(*numbers));
}

static void expect_all(void)
{
	static const uint64_t all[] = {1, 2, 3, 4, 5, 6};

	expect_numbers(all, NLAYERS);
}

static void expect_done(void)
{
	static const uint64_t kept[] = {5, 6};

	expect_numbers(kept, 2);
	prune_rig_check(&rig);
}

/* Each call that there is, one after the other, until none is left. */
static void fail_each(enum fail_files_call call, int error)
{
	unsigned int nfailed = 0;
	int ret = -1;

	for (unsigned int n = 1; ret; n++) {
		struct smudge_prune_result result;
		struct smudge_error err;

		fail_files_at(call, n, error);
		ret = prune_rig_prune(&rig, &options, &result, &err);
		fail_files_at(call, 0, 0);
		prune_rig_check(&rig);
		if (!ret)
			break;
		nfailed++;
		assert_int_equal(ret, -error);
		assert_true(strstr(err.message, "layer-0000000") ||
			    strstr(err.message, "the folder of layers"));
		/* Nothing is left of what was begun. */
		folder_check("chain",
			     prune_rig_numbers("chain",
					       (uint64_t[PRUNE_RIG_MAX]){0}));
	}
	assert_true(nfailed > 0);
	expect_done();
}

static void flushes_fail(void **state)
{
	fail_each(FAIL_FSYNC, EIO);
}

static void names_cannot_be_given(void **state)
{
	fail_each(FAIL_RENAMEAT2, EACCES);
}

static void names_cannot_be_removed(void **state)
{
	fail_each(FAIL_UNLINKAT, EROFS);
}

/* Bytes of its pages, which come first in the file. */
static void damage(const char *name, off_t first, int nbytes)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	for (off_t at = first; at < first + nbytes; at += 16) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x55;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
}

static void an_unwanted_layer_is_damaged(void **state)
{
	static const uint64_t left[] = {3, 4, 5, 6};
	const char *why;

	damage("chain/layer-00000003.qcow2", 4096, 8 * 4096);
	why = expect(-EBADMSG);
	assert_non_null(strstr(why, "layer-00000003.qcow2"));
	expect_numbers(left, 4);
	folder_check("chain", 4);
}

/* A page of the disk that layer 3's file has, written again with rubbish. */
static void damage_page(uint64_t number, uint64_t page)
{
	struct smudge_chain *chain = moments_chain("chain", number);
	struct smi_qcow2_piece piece;
	struct smi_qcow2_reader *reader;
	char name[64];

	assert_int_equal(
		smi_qcow2_reader_create(chain->images, 0, 1, &reader, NULL), 0);
	assert_int_equal(
		smi_qcow2_reader_piece(reader, page, page + 1, &piece, NULL),
		0);
	assert_false(piece.is_zero);
	smi_qcow2_reader_destroy(reader);
	smudge_chain_close(chain);
	assert_false(piece.is_compressed);
	snprintf(name, sizeof(name), "chain/layer-%08ju.qcow2",
		 (uintmax_t)number);
	damage(name, (off_t)piece.file_off + 64, 64);
}

/*
 * The sentence names the layer that has it, not the one that shows it: the
 * digests of pages 256 to 511 are in the first of these layers only.
 */
static void a_table_of_an_unwanted_layer_is_damaged(void **state)
{
	struct test_rng rng = test_rng_start("errors_prune table");
	struct smi_layer_region *region;

	prune_rig_close(&rig);
	assert_int_equal(system("rm -r chain"), 0);
	prune_rig_open(&rig, "chain");
	write_random_pages(&rng);
	for (int i = 0; i < 4; i++) {
		rig.m.now.regions[0].bytes[i] = 1;
		moments_save(&rig.m, false);
	}
	region = &rig.m.last.regions[0];
	damage_page(1, region->extents[0].table_page + 1);
	options.keep_last = 1;
	assert_non_null(strstr(expect(-EBADMSG), "layer-00000001.qcow2"));
	expect_numbers((uint64_t[]){1, 2, 3, 4}, 4);
	folder_check("chain", 4);
}

/* It is not read: nothing stands on it. */
static void what_is_only_removed_may_be_damaged(void **state)
{
	damage("chain/layer-00000001.qcow2", 4096, 4 * 4096);
	(void)expect(0);
	expect_done();
}

static void a_head_is_damaged(void **state)
{
	damage("chain/layer-00000002.qcow2", 0, 100);
	assert_non_null(strstr(expect(-EMEDIUMTYPE), "layer-00000002.qcow2"));
	expect_all();
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A file that only has the name would else be the newest layer. */
static void a_file_has_a_name_of_a_layer(void **state)
{
	write_file("chain/layer-00000099.qcow2", "no layer\n");
	assert_non_null(strstr(expect(-EMEDIUMTYPE), "layer-00000099.qcow2"));
	expect_numbers((uint64_t[]){1, 2, 3, 4, 5, 6, 99}, 7);
	assert_int_equal(unlink("chain/layer-00000099.qcow2"), 0);
	assert_int_equal(
		symlink("layer-00000006.qcow2", "chain/layer-00000099.qcow2"),
		0);
	assert_non_null(strstr(expect(-EMEDIUMTYPE), "layer-00000099.qcow2"));
	assert_int_equal(unlink("chain/layer-00000099.qcow2"), 0);
	(void)expect(0);
	expect_done();
}

static void other_files_are_not_touched(void **state)
{
	struct stat st;

	write_file("chain/layer-1.qcow2", "");
	write_file("chain/layer-00000001.qcow2.bak", "");
	write_file("chain/.smudge-not-hexadecimal", "");
	assert_int_equal(mkdir("chain/.smudge-0123456789abcdef", 0700), 0);
	assert_int_equal(mkdir("chain/notes", 0700), 0);
	(void)expect(0);
	expect_done();
	folder_check("chain", 2 + 5);
	assert_int_equal(stat("chain/layer-1.qcow2", &st), 0);
}

/* A parent that is gone: of no use to what is removed, fatal to what is kept.
 */
static void a_backing_file_is_missing(void **state)
{
	assert_int_equal(unlink("chain/layer-00000001.qcow2"), 0);
	(void)expect(0);
	expect_done();
	assert_int_equal(rename("chain/layer-00000005.qcow2", "5"), 0);
	assert_non_null(strstr(expect(-ENOENT), "layer-00000005.qcow2"));
	assert_int_equal(rename("5", "chain/layer-00000005.qcow2"), 0);
	expect_done();
}

static int change_it(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	if (total_bytes) {
		assert_int_equal(rename(opaque, "moved"), 0);
		assert_int_equal(system("cp moved chain/layer-00000005.qcow2"),
				 0);
		options.progress = NULL;
	}
	return 0;
}

/* By whom it was, and into what, is not known: it stays. */
static void the_layer_is_replaced_meanwhile(void **state)
{
	static const uint64_t left[] = {3, 4, 5, 6};

	options.progress = change_it;
	options.opaque = "chain/layer-00000005.qcow2";
	assert_non_null(strstr(expect(-ESTALE), "layer-00000005.qcow2"));
	expect_numbers(left, 4);
	(void)expect(0);
	expect_done();
}

static int cancel(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	unsigned int *countdown = opaque;

	return *countdown && !--*countdown;
}

/* At each moment at which it can be, and then it continues from there. */
static void it_is_cancelled(void **state)
{
	unsigned int countdown, ncancelled = 0;
	int ret = -1;

	options.progress = cancel;
	options.opaque = &countdown;
	for (unsigned int n = 1; ret; n++) {
		struct smudge_prune_result result;

		countdown = n;
		ret = prune_rig_prune(&rig, &options, &result, NULL);
		assert_true(!ret || ret == -ECANCELED);
		ncancelled += ret != 0;
		prune_rig_check(&rig);
		/* It must come to an end, though some is done each time. */
		assert_true(n < 100);
	}
	assert_true(ncancelled > 2);
	expect_done();
}

TEST_MAIN_WITH(set_up, tear_down, flushes_fail, names_cannot_be_given,
	       names_cannot_be_removed, an_unwanted_layer_is_damaged,
	       a_table_of_an_unwanted_layer_is_damaged,
	       what_is_only_removed_may_be_damaged, a_head_is_damaged,
	       a_file_has_a_name_of_a_layer, other_files_are_not_touched,
	       a_backing_file_is_missing, the_layer_is_replaced_meanwhile,
	       it_is_cancelled)
