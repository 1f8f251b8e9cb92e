/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer that begins clean as of a folder's newest layer: its first
 * save is a delta, also in another memory whose regions have other ids.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "rig.h"

enum {
	LOW = 900,
	HIGH = 1300
};

static void add_regions(struct rig *rig)
{
	rig_add(rig, "ram", 0, LOW, LOW);
	rig_add(rig, "high", 1 << 30, HIGH, HIGH);
}

static struct smudge_chain *open_chain(struct rig *rig, uint64_t number)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options),
		.folder = rig->folder,
		.number = number,
	};
	struct smudge_chain *chain = NULL;
	struct smudge_error err;

	if (smudge_chain_open(&options, &chain, &err))
		fail_msg("%s", err.message);
	return chain;
}

static void restart(struct rig *rig)
{
	struct smudge_chain *chain = open_chain(rig, 0);

	rig->options.clean_as_of = chain;
	rig_create(rig);
	rig->options.clean_as_of = NULL;
	smudge_chain_close(chain);
}

/* Without a write nothing is stored, and then what is written is. */
static void expect_deltas(struct rig *rig, struct test_rng *rng,
			  uint64_t number)
{
	struct smudge_layer_info info;

	rig_checkpoint(rig, &info);
	assert_false(info.is_full);
	assert_int_equal(info.number, number);
	assert_int_equal(info.pages, 0);
	for (unsigned int i = 0; i < 3; i++) {
		rig_write_random(rig, rng, 60);
		/* random ones may all be of regions that are not there */
		rig_write(rig, &rig->regions[0], i, i + 1);
		rig_checkpoint(rig, &info);
		assert_false(info.is_full);
		assert_true(info.pages > 0 && info.pages < LOW);
	}
}

static void in_the_same_memory(void **state)
{
	struct test_rng rng = test_rng_start("same");
	struct rig rig;

	rig_open(&rig, "same");
	add_regions(&rig);
	rig_write_random(&rig, &rng, 2000);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	for (uint64_t i = 0; i < 4; i++) {
		rig_destroy(&rig);
		restart(&rig);
		expect_deltas(&rig, &rng, 2 + i * 4);
	}
	rig_close(&rig);
}

/* The memory of @from, whose folder @to has by now. */
static void restore(struct rig *to, const struct rig *from)
{
	struct smudge_chain *chain = open_chain(to, 0);
	struct smudge_error err;

	if (smudge_restore(to->memory, chain, NULL, &err))
		fail_msg("%s", err.message);
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(to->regions[i].bytes,
				    from->regions[i].bytes,
				    from->regions[i].npages * 4096);
	smudge_chain_close(chain);
}

static void in_another_memory(const char *name, bool with_uffd,
			      enum smudge_rearm_policy policy)
{
	struct test_rng rng = test_rng_start(name);
	struct rig_region *gone;
	struct rig first, second;

	rig_open(&first, name);
	add_regions(&first);
	rig_write_random(&first, &rng, 2000);
	rig_create(&first);
	rig_checkpoint(&first, NULL);
	rig_write_random(&first, &rng, 200);
	rig_checkpoint(&first, NULL);
	rig_destroy(&first);

	rig_open(&second, name);
	gone = rig_add(&second, "gone", UINT64_C(1) << 40, 10, 10);
	rig_remove(&second, gone);
	add_regions(&second);
	if (with_uffd)
		rig_track_uffd(&second);
	second.options.rearm_policy = policy;
	rig_free_moment(&second.last);
	assert_int_equal(rmdir(second.folder), 0);
	assert_int_equal(rename(first.folder, second.folder), 0);
	restore(&second, &first);
	restart(&second);
	expect_deltas(&second, &rng, 3);
	rig_close(&second);
	rig_close(&first);
}

static void with_marks(void **state)
{
	in_another_memory("marks", false, SMUDGE_REARM_ALWAYS);
}

static void with_uffd(void **state)
{
	test_need_uffd();
	in_another_memory("uffd", true, SMUDGE_REARM_ALWAYS);
}

static void with_uffd_quiesced(void **state)
{
	test_need_uffd();
	in_another_memory("quiesced", true, SMUDGE_REARM_QUIESCED);
}

static void expect_stale(struct rig *rig, struct smudge_chain *chain)
{
	struct smudge_checkpointer *cp;
	struct smudge_error err;

	rig->options.clean_as_of = chain;
	rig->options.folder = rig->folder;
	assert_int_equal(smudge_checkpointer_create(rig->memory, &rig->options,
						    &cp, &err),
			 -ESTALE);
	assert_int_not_equal(err.message[0], 0);
	rig->options.clean_as_of = NULL;
}

static void what_is_stale(void **state)
{
	struct test_rng rng = test_rng_start("stale");
	struct smudge_chain *old, *newest;
	struct rig_region *extra;
	struct rig rig, other;

	rig_open(&rig, "stale");
	add_regions(&rig);
	rig_write_random(&rig, &rng, 500);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	rig_checkpoint(&rig, NULL);
	rig_destroy(&rig);
	old = open_chain(&rig, 1);
	newest = open_chain(&rig, 2);
	expect_stale(&rig, old);
	rig_open_beside(&other, &rig);
	expect_stale(&other, newest);
	rig_close(&other);
	extra = rig_add(&rig, "extra", UINT64_C(1) << 40, 10, 10);
	expect_stale(&rig, newest);
	rig_remove(&rig, extra);
	rig_resize(&rig, &rig.regions[1], HIGH - 1);
	expect_stale(&rig, newest);
	rig_remove(&rig, &rig.regions[1]);
	expect_stale(&rig, newest);
	smudge_chain_close(old);
	smudge_chain_close(newest);
	rig_close(&rig);
}

/* Its digests cannot be read for the first delta: the next save is full. */
static void what_it_stands_on_is_lost(void **state)
{
	struct test_rng rng = test_rng_start("lost");
	struct smudge_layer_info info;
	struct smudge_error err;
	char base[PATH_MAX];
	uint64_t ticket;
	struct rig rig;

	rig_open(&rig, "lost");
	add_regions(&rig);
	rig_write_random(&rig, &rng, 500);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	rig_write_random(&rig, &rng, 50);
	rig_checkpoint(&rig, NULL);
	rig_destroy(&rig);
	restart(&rig);
	snprintf(base, sizeof(base), "%s/layer-00000001.qcow2", rig.folder);
	assert_int_equal(unlink(base), 0);
	rig_write_random(&rig, &rng, 50);
	assert_int_equal(smudge_checkpointer_save(rig.cp, NULL, &ticket, &err),
			 0);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, ticket, NULL, &err),
			 -ENOENT);
	assert_non_null(strstr(err.message, "layer-00000001.qcow2"));
	rig_write_random(&rig, &rng, 50);
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	rig_write_random(&rig, &rng, 50);
	rig_checkpoint(&rig, &info);
	assert_false(info.is_full);
	rig_close(&rig);
}

TEST_MAIN(in_the_same_memory, with_marks, with_uffd, with_uffd_quiesced,
	  what_is_stale, what_it_stands_on_is_lost)
