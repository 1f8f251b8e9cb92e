/* SPDX-License-Identifier: MIT */
/*
 * A source of the program's own that reports dropped content: the pages are
 * dirty like any other, and counted apart, in statistics that may be of an
 * older size.
 */
#include "support.h"

#include <stddef.h>
#include <string.h>

#include <smudge/client.h>
#include <smudge/source.h>

#include "idle_source.h"

#define PAGE   UINT64_C(4096)
#define NPAGES 100

/* Sure: pages 1 and 2, by a part of each. Unsure: 50, and what is outside. */
static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	if (!*(bool *)opaque)
		return 0;
	smudge_sink_range(sink, 7 * PAGE, 1);
	smudge_sink_dropped(sink, 2 * PAGE - 1, 2, true);
	smudge_sink_dropped(sink, 50 * PAGE, PAGE, false);
	smudge_sink_dropped(sink, NPAGES * PAGE, PAGE, false);
	smudge_sink_dropped(sink, 0, 0, true);
	return 0;
}

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	bool reports;
};

static void open_rig(struct rig *r)
{
	static char ram[NPAGES * PAGE] __attribute__((aligned(4096)));
	struct smudge_region_options region = {.size = sizeof(region),
					       .name = "ram",
					       .hva = ram,
					       .size_bytes = sizeof(ram)};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "test"};
	struct smudge_source_ops ops = {.size = sizeof(ops),
					.name = "mine",
					.start = idle_start,
					.stop = idle_stop,
					.harvest = harvest};

	r->reports = false;
	assert_int_equal(smudge_memory_create(&r->memory), 0);
	assert_int_equal(
		smudge_region_add(r->memory, &region, &r->region, NULL), 0);
	assert_int_equal(
		smudge_source_create(&ops, &r->reports, &r->source, NULL), 0);
	assert_int_equal(smudge_region_attach(r->region, r->source, 0, 0, NULL),
			 0);
	assert_int_equal(
		smudge_client_open(r->memory, &client, &r->client, NULL), 0);
	assert_int_equal(
		smudge_client_skip(r->client, r->region, 0, NPAGES, NULL), 0);
}

static void close_rig(struct rig *r)
{
	assert_int_equal(smudge_client_close(r->client), 0);
	smudge_source_destroy(r->source);
	assert_int_equal(smudge_memory_destroy(r->memory, NULL), 0);
}

static void test_counts(void **state)
{
	static const uint64_t pages[] = {1, 2, 7, 50};
	struct smudge_source_stats stats = {.size = sizeof(stats)};
	struct rig r;

	open_rig(&r);
	r.reports = true;
	assert_int_equal(smudge_region_harvest(r.region, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_true(smudge_client_test(r.client, r.region, pages[i]));
	assert_int_equal(smudge_client_dirty_pages(r.client), 4);
	assert_int_equal(smudge_source_stats(r.source, &stats), 0);
	assert_int_equal(stats.harvested_pages, 4);
	assert_int_equal(stats.dropped_pages, 2);
	assert_int_equal(stats.unsure_pages, 1);
	r.reports = false;
	close_rig(&r);
}

/* What an older program has behind its struct is not written. */
static void test_older_size(void **state)
{
	const size_t old = offsetof(struct smudge_source_stats, dropped_pages);
	struct smudge_source_stats stats;
	struct rig r;

	open_rig(&r);
	r.reports = true;
	assert_int_equal(smudge_region_harvest(r.region, NULL), 0);
	memset(&stats, 0x77, sizeof(stats));
	stats.size = old;
	assert_int_equal(smudge_source_stats(r.source, &stats), 0);
	assert_int_equal(stats.size, old);
	assert_int_equal(stats.harvested_pages, 4);
	for (size_t i = old; i < sizeof(stats); i++)
		assert_int_equal(((unsigned char *)&stats)[i], 0x77);
	r.reports = false;
	close_rig(&r);
}

TEST_MAIN(test_counts, test_older_size)
