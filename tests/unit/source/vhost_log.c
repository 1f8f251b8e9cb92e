/* SPDX-License-Identifier: MIT */
/*
 * The vhost log: random marks and harvests of regions side by side, whose
 * edges are within words, against one byte per page; looks; larger pages; a
 * region that is resized; the calls that switch logging.
 */
#include <errno.h>
#include <string.h>

#include <smudge/client.h>
#include <smudge/vhost_log.h>

#include "fake_source.h"
#include "support.h"

#define LOG_PAGES  40000
#define LOG_BYTES  (LOG_PAGES / 8)
#define NREGIONS   4
#define NROUNDS	   3000
#define PAGE_BYTES UINT64_C(4096)

static struct world {
	uint64_t log[LOG_BYTES / 8];
	uint8_t oracle[LOG_PAGES]; /* marked and not harvested yet */
	struct smudge_memory *memory;
	struct smudge_region *region[NREGIONS];
	struct smudge_source *source[NREGIONS];
	struct smudge_client *client;
} world;

/* Region 2 takes more than one piece; 0 and 1 share a word, and a byte. */
static const struct {
	uint64_t first_page, npages;
} places[NREGIONS] = {{3, 100}, {103, 1}, {130, 33000}, {39990, 10}};

static struct smudge_source *make_source(struct world *w)
{
	const struct smudge_vhost_log_options o = {
		.size = sizeof(o), .log = w->log, .log_bytes = LOG_BYTES};
	struct smudge_source *source;

	assert_int_equal(smudge_vhost_log_create(&o, &source, NULL), 0);
	return source;
}

static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	for (int i = 0; i < NREGIONS; i++) {
		w->region[i] = fake_region(w->memory,
					   places[i].first_page * PAGE_BYTES,
					   places[i].npages);
		w->source[i] = make_source(w);
		assert_int_equal(smudge_region_attach(w->region[i],
						      w->source[i], 0, 0, NULL),
				 0);
	}
	w->client = fake_client(w->memory, "test", true);
}

static void close_world(struct world *w)
{
	assert_int_equal(smudge_client_close(w->client), 0);
	for (int i = 0; i < NREGIONS; i++)
		smudge_source_destroy(w->source[i]);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
}

static void mark(struct world *w, struct test_rng *rng)
{
	uint64_t page = test_rng_below(rng, LOG_PAGES);
	uint64_t gpa = page * PAGE_BYTES + test_rng_below(rng, PAGE_BYTES);
	uint64_t most = test_rng_below(rng, 50) ? 3 * PAGE_BYTES : 1 << 22;
	uint64_t length = test_rng_below(rng, most);
	bool fits = !length || (gpa + length - 1) / PAGE_BYTES < LOG_PAGES;

	assert_int_equal(smudge_vhost_log_mark(w->log, LOG_BYTES, gpa, length),
			 fits ? 0 : -EINVAL);
	for (; length && page <= (gpa + length - 1) / PAGE_BYTES; page++) {
		if (page < LOG_PAGES)
			w->oracle[page] = 1;
	}
}

/* Region i reports exactly what the oracle has, and its bits are gone. */
static void check_region(struct world *w, int i, bool is_look)
{
	uint8_t *oracle = w->oracle + places[i].first_page;

	assert_int_equal(is_look ? smudge_region_look(w->region[i], NULL)
				 : smudge_region_harvest(w->region[i], NULL),
			 0);
	for (uint64_t p = 0; p < places[i].npages; p++)
		assert_int_equal(smudge_client_test(w->client, w->region[i], p),
				 oracle[p]);
	fake_take(w->client, w->region[i]);
	if (!is_look)
		memset(oracle, 0, places[i].npages);
}

/* The log itself has every bit that no harvest took, and no other. */
static void check_log(const struct world *w)
{
	const uint8_t *bytes = (const uint8_t *)w->log;

	for (uint64_t p = 0; p < LOG_PAGES; p++)
		assert_int_equal(bytes[p / 8] >> p % 8 & 1, w->oracle[p]);
}

static void test_random(void **state)
{
	struct test_rng rng = test_rng_start("vhost_log");

	open_world(&world);
	for (int round = 0; round < NROUNDS; round++) {
		uint64_t what = test_rng_below(&rng, 8);

		if (what < NREGIONS)
			check_region(&world, (int)what,
				     test_rng_below(&rng, 2));
		else
			mark(&world, &rng);
		if (round % 100 == 0)
			check_log(&world);
	}
	check_log(&world);
	close_world(&world);
}

/* A bit makes its whole larger page dirty. */
static void test_larger_pages(void **state)
{
	struct smudge_region_options o = {.size = sizeof(o),
					  .name = "ram",
					  .hva = (void *)(UINT64_C(1) << 30),
					  .gpa = 1 << 20,
					  .size_bytes = 64 << 16,
					  .page_shift = 16};
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_memory *memory;

	memset(&world, 0, sizeof(world));
	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	source = make_source(&world);
	assert_int_equal(smudge_region_attach(region, source, 3, 5, NULL), 0);
	client = fake_client(memory, "test", true);
	/* before the range, its last page, and behind it */
	smudge_vhost_log_mark(world.log, LOG_BYTES, o.gpa + (3 << 16) - 1, 1);
	smudge_vhost_log_mark(world.log, LOG_BYTES, o.gpa + (8 << 16) - 1, 2);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_true(smudge_client_test(client, region, 7));
	assert_int_equal(smudge_client_dirty_pages(client), 1);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void expect_after_harvest(struct smudge_region *region,
				 struct smudge_client *client, uint64_t page)
{
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_true(smudge_client_test(client, region, page));
	assert_int_equal(fake_take(client, region), 1);
}

/* A source at the region's end follows it, up to the log's own end. */
static void test_resize(void **state)
{
	const uint64_t first = LOG_PAGES - 100;
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_error err;

	memset(&world, 0, sizeof(world));
	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region_room(memory, first * PAGE_BYTES, 30, 200);
	source = make_source(&world);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	client = fake_client(memory, "test", true);
	assert_int_equal(smudge_region_resize(region, 101, &err), -EINVAL);
	assert_string_equal(err.where, "vhost_log");
	/* behind the end, which is where it was */
	smudge_vhost_log_mark(world.log, LOG_BYTES, (first + 30) * PAGE_BYTES,
			      1);
	smudge_vhost_log_mark(world.log, LOG_BYTES, (first + 29) * PAGE_BYTES,
			      1);
	expect_after_harvest(region, client, 29);
	assert_int_equal(smudge_region_resize(region, 100, NULL), 0);
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_int_equal(fake_take(client, region), 70);
	smudge_vhost_log_mark(world.log, LOG_BYTES, (first + 99) * PAGE_BYTES,
			      1);
	expect_after_harvest(region, client, 99);
	assert_int_equal(smudge_region_resize(region, 7, NULL), 0);
	smudge_vhost_log_mark(world.log, LOG_BYTES, (first + 6) * PAGE_BYTES,
			      2 * PAGE_BYTES);
	expect_after_harvest(region, client, 6);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static int start_logging(void *opaque, struct smudge_error *err)
{
	++*(int *)opaque;
	return 0;
}

static void stop_logging(void *opaque)
{
	--*(int *)opaque;
}

/* On exactly while a client is open. */
static void test_switches(void **state)
{
	int nlogging = 0;
	const struct smudge_vhost_log_options o = {.size = sizeof(o),
						   .log = world.log,
						   .log_bytes = LOG_BYTES,
						   .start = start_logging,
						   .stop = stop_logging,
						   .opaque = &nlogging};
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_memory *memory;
	struct smudge_region *region;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	assert_int_equal(smudge_vhost_log_create(&o, &source, NULL), 0);
	assert_int_equal(smudge_region_attach(region, source, 0, 0, NULL), 0);
	assert_int_equal(nlogging, 0);
	client = fake_client(memory, "test", true);
	assert_int_equal(nlogging, 1);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(nlogging, 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* A back end's log may have any size and be anywhere. */
static void test_mark_alone(void **state)
{
	uint8_t bytes[8] = {0};

	/* the last page of the log, and one behind it */
	assert_int_equal(smudge_vhost_log_mark(bytes + 1, 3, 23 * PAGE_BYTES,
					       2 * PAGE_BYTES),
			 -EINVAL);
	assert_int_equal(bytes[3], 0x80);
	assert_int_equal(bytes[4], 0);
	assert_int_equal(smudge_vhost_log_mark(bytes + 1, 3, 0, 0), 0);
	assert_int_equal(smudge_vhost_log_mark(bytes + 1, 3, UINT64_MAX, 1),
			 -EINVAL);
	assert_int_equal(smudge_vhost_log_mark(bytes + 1, 3, 4095, UINT64_MAX),
			 -EINVAL);
	assert_int_equal(bytes[0] | bytes[4], 0);
	assert_int_equal(bytes[1] & bytes[2] & bytes[3], 0xff);
}

TEST_MAIN(test_random, test_larger_pages, test_resize, test_switches,
	  test_mark_alone)
