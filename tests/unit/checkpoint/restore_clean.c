/* SPDX-License-Identifier: MIT */
/*
 * A client that begins clean after a restore: opened, harvested, skipped. From
 * then on it has what is written, and nothing of the restore; also where the
 * sources were armed before, for another client. So the next checkpoint is a
 * delta.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/source.h>

#include "folder.h"
#include "restore_rig.h"

#define PAGE 4096

static struct moments memory;

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("restore_clean");

	if (folder_enter(state) < 0)
		return -1;
	moments_open(&memory, "chain");
	moments_change(&memory, &rng, false);
	moments_save(&memory, true);
	return 0;
}

static int tear_down(void **state)
{
	moments_close(&memory);
	return folder_leave(state);
}

static struct smudge_client *open_client(struct restore_rig *rig,
					 const char *name)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = name};
	struct smudge_client *client;
	struct smudge_error err;

	if (smudge_client_open(rig->memory, &options, &client, &err) < 0)
		fail_msg("%s", err.message);
	return client;
}

static void skip_all(struct restore_rig *rig, struct smudge_client *client)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		if (!rig->regions[i])
			continue;
		assert_int_equal(smudge_client_skip(
					 client, rig->regions[i], 0,
					 smudge_region_npages(rig->regions[i]),
					 NULL),
				 0);
	}
}

static void restore(struct restore_rig *rig)
{
	struct smudge_chain *chain = moments_chain("chain", 1);

	assert_int_equal(smudge_restore(rig->memory, chain, NULL, NULL), 0);
	smudge_chain_close(chain);
}

/* Exactly these pages of "low" are dirty. */
static void expect_dirty(struct restore_rig *rig, struct smudge_client *client,
			 const uint64_t *pages, size_t npages)
{
	assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
	assert_int_equal(smudge_client_dirty_pages(client), npages);
	for (size_t i = 0; i < npages; i++)
		assert_true(smudge_client_all(client, rig->regions[0], pages[i],
					      1));
}

static void begins_clean(enum restore_kind kind, uint8_t content,
			 bool is_armed_before)
{
	static const uint64_t written[] = {0, 77, 599};
	struct smudge_client *other = NULL, *client;
	struct smudge_source *sources[2];
	struct restore_rig rig;

	restore_open(&rig, &memory.now, kind, content);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(smudge_uffd_create(&sources[i], NULL), 0);
		assert_int_equal(smudge_region_attach(rig.regions[i],
						      sources[i], 0, 0, NULL),
				 0);
	}
	if (is_armed_before) {
		other = open_client(&rig, "other");
		assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
		skip_all(&rig, other);
	}
	restore(&rig);
	client = open_client(&rig, "clean");
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	skip_all(&rig, client);
	expect_dirty(&rig, client, NULL, 0);
	restore_check(&rig, &memory.now);
	expect_dirty(&rig, client, NULL, 0);
	for (size_t i = 0; i < 3; i++)
		rig.ram[0][written[i] * PAGE + 5] ^= 1;
	expect_dirty(&rig, client, written, 3);
	if (other) {
		assert_int_equal(smudge_client_dirty_pages(other), 603);
		assert_int_equal(smudge_client_close(other), 0);
	}
	assert_int_equal(smudge_client_close(client), 0);
	for (size_t i = 0; i < 2; i++)
		smudge_source_destroy(sources[i]);
	restore_close(&rig);
}

static void with_uffd(void **state)
{
	struct smudge_source *source;

	if (smudge_uffd_create(&source, NULL) < 0)
		test_skip_without("uffd", "no userfaultfd");
	smudge_source_destroy(source);
	for (int kind = 0; kind < RESTORE_LOCKED; kind++) {
		for (int i = 0; i < 4; i++)
			begins_clean(kind, i & 1 ? 0xee : 0, i & 2);
	}
}

TEST_MAIN_WITH(set_up, tear_down, with_uffd)
