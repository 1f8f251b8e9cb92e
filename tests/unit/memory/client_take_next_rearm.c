/* SPDX-License-Identifier: MIT */
/*
 * What smudge_client_take_next re-arms: its pages, after a harvest; nothing
 * after a look, under a quiesced policy, or for a client that receives marks
 * only. What stays unarmed is reported, and taken, again.
 */
#include "support.h"

#include "armed_source.h"
#include "fake_source.h"

#define NPAGES 200

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct armed_source armed;
};

static void rig_start(struct rig *rig, const struct smudge_client_options *how)
{
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->region = fake_region(rig->memory, 0, NPAGES);
	armed_create(&rig->armed, NPAGES, true, true);
	assert_int_equal(smudge_region_attach(rig->region, rig->armed.source, 0,
					      0, NULL),
			 0);
	assert_int_equal(
		smudge_client_open(rig->memory, how, &rig->client, NULL), 0);
	assert_int_equal(smudge_batch_create(1, &rig->batch, NULL), 0);
}

static void rig_end(struct rig *rig)
{
	assert_int_equal(smudge_batch_destroy(rig->batch), 0);
	assert_int_equal(smudge_client_close(rig->client), 0);
	armed_destroy(&rig->armed);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

/* All that is dirty, seven pages at a time. Return: pages. */
static uint64_t take_all(struct rig *rig)
{
	struct smudge_run rest = {0, NPAGES};
	uint64_t npages = 0;
	int ret;

	while ((ret = smudge_client_take_next(rig->client, rig->region, &rest,
					      7, rig->batch, NULL)) > 0) {
		npages += smudge_batch_npages(rig->batch);
		assert_int_equal(smudge_client_commit(rig->client, rig->batch),
				 0);
	}
	assert_int_equal(ret, 0);
	return npages;
}

static void test_harvest_and_look(void **state)
{
	const struct smudge_client_options plain = {.size = sizeof(plain),
						    .name = "plain"};
	unsigned int rearms;
	struct rig rig;

	rig_start(&rig, &plain);
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), NPAGES);
	assert_int_equal(rig.armed.nrearmed, NPAGES);
	armed_touch(&rig.armed, 3);
	armed_touch(&rig.armed, 150);
	rearms = rig.armed.rearms;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(smudge_memory_look(rig.memory, NULL), 0);
		assert_int_equal(take_all(&rig), 2);
	}
	assert_int_equal(rig.armed.rearms, rearms);
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), 2);
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), 0);
	rig_end(&rig);
}

static void test_quiesced(void **state)
{
	const struct smudge_client_options quiesced = {
		.size = sizeof(quiesced),
		.name = "quiesced",
		.rearm_policy = SMUDGE_REARM_QUIESCED,
	};
	unsigned int rearms;
	struct rig rig;

	rig_start(&rig, &quiesced);
	assert_int_equal(smudge_memory_harvest_quiesced(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), NPAGES);
	armed_touch(&rig.armed, 3);
	rearms = rig.armed.rearms;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
		assert_int_equal(take_all(&rig), 1);
	}
	assert_int_equal(rig.armed.rearms, rearms);
	assert_int_equal(smudge_memory_harvest_quiesced(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), 1);
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), 0);
	rig_end(&rig);
}

/* The source runs for another client. */
static void test_marks_only(void **state)
{
	const struct smudge_client_options marks = {
		.size = sizeof(marks), .name = "marks", .marks_only = true};
	struct smudge_client *plain;
	struct rig rig;

	rig_start(&rig, &marks);
	plain = fake_client(rig.memory, "plain", false);
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	assert_int_equal(take_all(&rig), NPAGES);
	smudge_region_mark(rig.region, 17, 20);
	assert_int_equal(take_all(&rig), 20);
	assert_int_equal(take_all(&rig), 0);
	assert_int_equal(rig.armed.rearms, 0);
	assert_int_equal(smudge_client_close(plain), 0);
	rig_end(&rig);
}

TEST_MAIN(test_harvest_and_look, test_quiesced, test_marks_only)
