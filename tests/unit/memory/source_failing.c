/* SPDX-License-Identifier: MIT */
/*
 * A source of the program's own that fails on demand. Unknown means dirty: a
 * harvest that fails in the middle makes its whole range dirty for every
 * client, a re-arm that fails returns the bits, a start that fails stops what
 * was started.
 */
#include <errno.h>
#include <string.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "support.h"

#define NPAGES 1000
#define FIRST  100 /* of the source's range */
#define COUNT  500

struct own {
	int start_code;
	int harvest_code;
	int rearm_code;
	unsigned int running;
	uint64_t rearmed_pages;
};

static int own_start(void *opaque, const struct smudge_source_range *range,
		     struct smudge_error *err)
{
	struct own *own = opaque;

	if (own->start_code)
		return smudge_error_set(err, own->start_code, "own",
					"start failed");
	assert_int_equal(range->first_page, FIRST);
	assert_int_equal(range->npages, COUNT);
	own->running++;
	return 0;
}

static void own_stop(void *opaque)
{
	struct own *own = opaque;

	own->running--;
}

/* Reports its second page, and then perhaps fails. */
static int own_harvest(void *opaque, struct smudge_sink *sink,
		       struct smudge_error *err)
{
	struct own *own = opaque;

	smudge_sink_range(sink, 4096, 1);
	if (own->harvest_code)
		return smudge_error_set(err, own->harvest_code, "own",
					"harvest failed");
	return 0;
}

static int own_rearm(void *opaque, const struct smudge_batch *batch,
		     struct smudge_error *err)
{
	struct own *own = opaque;

	if (own->rearm_code)
		return smudge_error_set(err, own->rearm_code, "own",
					"re-arm failed");
	own->rearmed_pages += smudge_batch_npages(batch);
	return 0;
}

static const struct smudge_source_ops own_ops = {
	.size = sizeof(own_ops),
	.name = "own",
	.start = own_start,
	.stop = own_stop,
	.harvest = own_harvest,
	.rearm = own_rearm,
};

struct fixture {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_batch *batch;
	struct own own;
};

static void open_fixture(struct fixture *f)
{
	static _Alignas(4096) char ram[4096]; /* never read */
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = ram,
		.size_bytes = NPAGES * 4096,
	};

	memset(f, 0, sizeof(*f));
	assert_int_equal(smudge_memory_create(&f->memory), 0);
	assert_int_equal(
		smudge_region_add(f->memory, &options, &f->region, NULL), 0);
	assert_int_equal(
		smudge_source_create(&own_ops, &f->own, &f->source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(f->region, f->source, FIRST, COUNT, NULL),
		0);
	assert_int_equal(smudge_batch_create(0, &f->batch, NULL), 0);
}

static void close_fixture(struct fixture *f)
{
	smudge_source_destroy(f->source);
	assert_int_equal(f->own.running, 0);
	assert_int_equal(smudge_memory_destroy(f->memory, NULL), 0);
	assert_int_equal(smudge_batch_destroy(f->batch), 0);
}

static int open_client(struct fixture *f, struct smudge_client **ret,
		       struct smudge_error *err)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "test"};

	return smudge_client_open(f->memory, &options, ret, err);
}

static struct smudge_client *clean_client(struct fixture *f)
{
	struct smudge_client *client = NULL;

	assert_int_equal(open_client(f, &client, NULL), 0);
	assert_int_equal(smudge_client_skip(client, f->region, 0, NPAGES, NULL),
			 0);
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	return client;
}

static void expect_range(struct fixture *f, struct smudge_client *client)
{
	assert_true(smudge_client_all(client, f->region, FIRST, COUNT));
	assert_int_equal(smudge_client_dirty_pages(client), COUNT);
}

static void test_harvest_fails(void **state)
{
	struct smudge_client *a, *b;
	struct smudge_error err = {0};
	struct fixture f;

	open_fixture(&f);
	a = clean_client(&f);
	b = clean_client(&f);
	f.own.harvest_code = -EREMOTEIO;
	assert_int_equal(smudge_region_harvest(f.region, &err), -EREMOTEIO);
	assert_string_equal(err.message, "harvest failed");
	expect_range(&f, a);
	expect_range(&f, b);
	f.own.harvest_code = 0;
	assert_int_equal(smudge_region_harvest(f.region, NULL), 0);
	expect_range(&f, a);
	assert_int_equal(smudge_client_close(a), 0);
	assert_int_equal(smudge_client_close(b), 0);
	close_fixture(&f);
}

static void test_rearm_fails(void **state)
{
	struct smudge_client *a, *b;
	struct smudge_error err = {0};
	struct fixture f;

	open_fixture(&f);
	a = clean_client(&f);
	b = clean_client(&f);
	assert_int_equal(smudge_region_harvest(f.region, NULL), 0);
	smudge_region_mark(f.region, FIRST + 70, 3);
	f.own.rearm_code = -EREMOTEIO;
	assert_int_equal(
		smudge_client_take(a, f.region, 0, NPAGES, f.batch, &err),
		-EIO);
	assert_string_equal(err.message, "re-arm failed");
	assert_true(smudge_batch_is_empty(f.batch));
	assert_int_equal(smudge_client_dirty_pages(a), 4);
	assert_int_equal(smudge_client_dirty_pages(b), 4);
	/* this call's failure replaces an earlier call's */
	smudge_error_clear(&err);
	smudge_error_set(&err, -ENOENT, "test", "of an earlier call");
	assert_int_equal(
		smudge_client_take(a, f.region, 0, NPAGES, f.batch, &err),
		-EIO);
	assert_int_equal(err.code, -EIO);
	assert_string_equal(err.message, "re-arm failed");
	f.own.rearm_code = 0;
	f.own.rearmed_pages = 0;
	assert_int_equal(
		smudge_client_take(a, f.region, 0, NPAGES, f.batch, NULL), 0);
	assert_int_equal(smudge_batch_npages(f.batch), 4);
	assert_int_equal(f.own.rearmed_pages, 4);
	assert_int_equal(smudge_client_commit(a, f.batch), 0);
	assert_int_equal(smudge_client_dirty_pages(a), 0);
	assert_int_equal(smudge_client_dirty_pages(b), 4);
	assert_int_equal(smudge_client_close(a), 0);
	assert_int_equal(smudge_client_close(b), 0);
	close_fixture(&f);
}

static void test_start_fails(void **state)
{
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	struct fixture f;

	open_fixture(&f);
	f.own.start_code = -EREMOTEIO;
	assert_int_equal(open_client(&f, &client, &err), -EREMOTEIO);
	assert_null(client);
	assert_string_equal(err.message, "start failed");
	f.own.start_code = 0;
	client = clean_client(&f);
	assert_int_equal(f.own.running, 1);
	assert_int_equal(smudge_client_close(client), 0);
	close_fixture(&f);
}

/* The last harvest of a source that leaves fails: its range is dirty. */
static void test_last_harvest_fails(void **state)
{
	struct smudge_client *client;
	struct fixture f;

	open_fixture(&f);
	client = clean_client(&f);
	f.own.harvest_code = -EREMOTEIO;
	assert_int_equal(smudge_source_detach(f.source, NULL), -EREMOTEIO);
	assert_int_equal(f.own.running, 0);
	expect_range(&f, client);
	assert_int_equal(smudge_client_close(client), 0);
	close_fixture(&f);
}

TEST_MAIN(test_harvest_fails, test_rearm_fails, test_start_fails,
	  test_last_harvest_fails)
