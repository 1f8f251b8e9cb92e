/* SPDX-License-Identifier: MIT */
/*
 * The fake source and the short cuts around it. Failures of the short cuts
 * fail the running cmocka test.
 */
#include "fake_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static int fake_start(void *opaque, const struct smudge_source_range *range,
		      struct smudge_error *err)
{
	struct fake_source *fake = opaque;

	fake->starts++;
	fake->range = *range;
	if (fake->start_error)
		return smudge_error_set(err, fake->start_error, "fake",
					"told not to start");
	fake->is_running = true;
	return 0;
}

static void fake_stop(void *opaque)
{
	struct fake_source *fake = opaque;

	fake->stops++;
	fake->is_running = false;
}

static int fake_harvest(void *opaque, struct smudge_sink *sink,
			struct smudge_error *err)
{
	struct fake_source *fake = opaque;
	uint64_t npages = fake->npages ? fake->npages : fake->range.npages;

	fake->harvests++;
	if (fake->harvest_error) {
		smudge_sink_bitmap(sink, 0, fake->bits, fake->first_bit,
				   (uint64_t)fake->harvest_error_after, 12);
		return smudge_error_set(err, fake->harvest_error, "fake",
					"told to stop half way");
	}
	smudge_sink_bitmap(sink, 0, fake->bits, fake->first_bit, npages,
			   fake->page_shift ? fake->page_shift : 12);
	memset(fake->bits, 0, sizeof(fake->bits));
	return 0;
}

static int fake_rearm(void *opaque, const struct smudge_batch *batch,
		      struct smudge_error *err)
{
	struct fake_source *fake = opaque;

	fake->rearms++;
	if (fake->rearm_error)
		return smudge_error_set(err, fake->rearm_error, "fake",
					"told not to re-arm");
	fake->rearmed_pages += smudge_batch_npages(batch);
	fake->rearmed_first = smudge_batch_run(batch, 0).first_page;
	return 0;
}

static void fake_free(void *opaque)
{
	struct fake_source *fake = opaque;

	fake->destroys++;
}

void fake_create(struct fake_source *fake, bool has_rearm)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "fake",
		.start = fake_start,
		.stop = fake_stop,
		.harvest = fake_harvest,
		.rearm = has_rearm ? fake_rearm : NULL,
		.destroy = fake_free,
	};

	memset(fake, 0, sizeof(*fake));
	assert_int_equal(smudge_source_create(&ops, fake, &fake->source, NULL),
			 0);
}

void fake_destroy(struct fake_source *fake)
{
	smudge_source_destroy(fake->source);
	fake->source = NULL;
	assert_int_equal(fake->destroys, 1);
	assert_false(fake->is_running);
}

void fake_write(struct fake_source *fake, uint64_t page)
{
	uint64_t bit = fake->first_bit + page;
	uint8_t *bytes = (uint8_t *)fake->bits;

	assert_true(bit < FAKE_WORDS * 64);
	bytes[bit / 8] |= (uint8_t)(1U << bit % 8);
}

struct smudge_region *fake_region(struct smudge_memory *memory, uint64_t gpa,
				  uint64_t npages)
{
	return fake_region_room(memory, gpa, npages, npages);
}

struct smudge_region *fake_region_room(struct smudge_memory *memory,
				       uint64_t gpa, uint64_t npages,
				       uint64_t max_npages)
{
	struct smudge_region *region = NULL;
	char name[32];
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.hva = (void *)(uintptr_t)(UINT64_C(0x100000000) + gpa),
		.gpa = gpa,
		.size_bytes = npages << 12,
		.max_size_bytes = max_npages << 12,
	};

	snprintf(name, sizeof(name), "ram-%llx", (unsigned long long)gpa);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	return region;
}

struct smudge_client *fake_client(struct smudge_memory *memory,
				  const char *name, bool is_clean)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = name,
	};
	struct smudge_region *regions[64];
	struct smudge_client *client = NULL;
	size_t n;

	assert_int_equal(smudge_client_open(memory, &options, &client, NULL),
			 0);
	n = smudge_memory_regions(memory, regions, 64);
	for (size_t i = 0; is_clean && i < n; i++)
		assert_int_equal(
			smudge_client_skip(client, regions[i], 0,
					   smudge_region_npages(regions[i]),
					   NULL),
			0);
	return client;
}

uint64_t fake_take(struct smudge_client *client, struct smudge_region *region)
{
	uint64_t end = smudge_region_npages(region), at = 0, npages = 0;
	struct smudge_batch *batch;

	assert_int_equal(smudge_batch_create(1, &batch, NULL), 0);
	while (at < end) {
		assert_int_equal(smudge_client_take(client, region, at,
						    end - at, batch, NULL),
				 0);
		npages += smudge_batch_npages(batch);
		assert_true(smudge_batch_end_page(batch) > at);
		at = smudge_batch_end_page(batch);
		assert_int_equal(smudge_client_commit(client, batch), 0);
	}
	assert_int_equal(smudge_batch_destroy(batch), 0);
	return npages;
}

struct smudge_memory_stats fake_stats(struct smudge_memory *memory)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_memory_stats(memory, &stats), 0);
	return stats;
}
