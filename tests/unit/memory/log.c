/* SPDX-License-Identifier: MIT */
/*
 * What a memory and its sources tell. The write that receives it calls the
 * library for the same memory, which would never return under one of its locks.
 */
#include "support.h"

#include <errno.h>

#include "armed_source.h"
#include "fake_source.h"
#include "fixture.h"
#include "idle_source.h"
#include "log_catch.h"

#define NPAGES 100

static void use_memory(void *opaque)
{
	struct smudge_memory *memory = opaque;
	struct smudge_region *region;

	fake_stats(memory);
	if (smudge_memory_regions(memory, &region, 1) == 1)
		smudge_region_rearm_policy(region);
}

static void open_all(struct fixture *f, struct log_catch *c,
		     enum smudge_log_level level)
{
	fixture_open(f, NPAGES);
	fixture_watch(f, true);
	log_catch_open(c, level);
	c->then = use_memory;
	c->opaque = f->memory;
}

static void close_all(struct fixture *f, struct log_catch *c)
{
	log_catch_close(c);
	fixture_close(f);
}

/* Also of a detach, whose caller may not want the error. */
static void test_failed_source(void **state)
{
	struct fixture f;
	struct log_catch c;
	struct fake_source fake;

	open_all(&f, &c, SMUDGE_LOG_WARNING);
	fake_create(&fake, false);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 0, 10, NULL), 0);
	fake.harvest_error = -EIO;
	assert_int_equal(smudge_memory_harvest(f.memory, NULL), -EIO);
	assert_int_equal(c.n, 1);
	assert_int_equal(log_catch_count(&c, "fake: all 10 pages"), 1);
	assert_int_equal(log_catch_count(&c, "told to stop half way"), 1);
	fake_destroy(&fake);
	assert_int_equal(c.n, 2);
	close_all(&f, &c);
}

static int harvest_unsure(void *opaque, struct smudge_sink *sink,
			  struct smudge_error *err)
{
	smudge_sink_dropped(sink, 0, 3 << 12, false);
	return 0;
}

static void test_unsure(void **state)
{
	static const struct smudge_source_ops ops = {.size = sizeof(ops),
						     .name = "vague",
						     .start = idle_start,
						     .stop = idle_stop,
						     .harvest = harvest_unsure};
	struct smudge_source *source;
	struct fixture f;
	struct log_catch c;

	open_all(&f, &c, SMUDGE_LOG_INFO);
	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(f.region, source, 0, 0, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(smudge_region_harvest(f.region, NULL), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(log_catch_count(&c, "vague: "), 1);
	assert_int_equal(log_catch_count(&c, " 3 pages"), 1);
	smudge_source_destroy(source);
	close_all(&f, &c);
}

/* Until the first quiesced harvest, as long as a quiesced client watches. */
static void test_reported_to_quiesced(void **state)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "quiesced",
						.rearm_policy =
							SMUDGE_REARM_QUIESCED};
	struct armed_source armed;
	struct smudge_client *client;
	struct fixture f;
	struct log_catch c;

	open_all(&f, &c, SMUDGE_LOG_INFO);
	armed_create(&armed, NPAGES, false, true);
	assert_int_equal(
		smudge_region_attach(f.region, armed.source, 0, 0, NULL), 0);
	assert_int_equal(smudge_memory_harvest(f.memory, NULL), 0);
	assert_int_equal(c.n, 0);
	assert_int_equal(smudge_client_open(f.memory, &options, &client, NULL),
			 0);
	assert_int_equal(smudge_memory_look(f.memory, NULL), 0);
	assert_int_equal(smudge_memory_harvest_quiesced(f.memory, NULL), 0);
	assert_int_equal(c.n, 2);
	assert_int_equal(log_catch_count(&c, "for quiesced clients"), 2);
	assert_int_equal(smudge_memory_harvest_quiesced(f.memory, NULL), 0);
	assert_int_equal(c.n, 2);
	assert_int_equal(smudge_client_close(client), 0);
	armed_destroy(&armed);
	close_all(&f, &c);
}

static void test_come_and_go(void **state)
{
	struct smudge_client *client;
	struct smudge_region *region;
	struct fake_source fake;
	struct fixture f;
	struct log_catch c;

	open_all(&f, &c, SMUDGE_LOG_DEBUG);
	fake_create(&fake, false);
	region = fake_region(f.memory, UINT64_C(1) << 40, 10);
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, NULL),
			 0);
	client = fake_client(f.memory, "guest", false);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_region_remove(region, NULL), 0);
	assert_int_equal(log_catch_count(&c, "of 10 pages is added"), 1);
	assert_int_equal(log_catch_count(&c, "is removed"), 1);
	assert_int_equal(log_catch_count(&c, "client: client guest is open"),
			 1);
	assert_int_equal(log_catch_count(&c, "client: client guest is closed"),
			 1);
	assert_int_equal(log_catch_count(&c, "fake: the source watches 10 "
					     "pages of region"),
			 1);
	assert_int_equal(log_catch_count(&c, "no more"), 1);
	fake_destroy(&fake);
	close_all(&f, &c);
}

TEST_MAIN(test_failed_source, test_unsure, test_reported_to_quiesced,
	  test_come_and_go)
