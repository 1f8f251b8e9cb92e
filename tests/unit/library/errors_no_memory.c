/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation fails, for every n, in every call of bitmap and memory
 * that allocates: the call returns -ENOMEM, changes nothing, and succeeds when
 * it is repeated.
 */
#include <errno.h>
#include <string.h>

#include <smudge/bitmap.h>
#include <smudge/code.h>

#include "fail_memory.h"
#include "fake_source.h"
#include "support.h"

/* One call, whose result is undone at once when it succeeds. */
struct scene {
	struct smudge_memory *memory;
	struct smudge_region *region, *second;
	struct smudge_client *client;
	struct smudge_code *code;
	struct fake_source fake;
};

typedef int (*scene_call)(struct scene *scene);

static void assert_same(const struct smudge_memory_stats *before,
			struct scene *scene)
{
	struct smudge_memory_stats after = fake_stats(scene->memory);

	assert_int_equal(before->nregions, after.nregions);
	assert_int_equal(before->nclients, after.nclients);
	assert_int_equal(before->nsources_running, after.nsources_running);
	if (before->nclients == 0)
		assert_int_equal(after.bitmap_bytes, 0);
}

static void every_allocation_fails(scene_call call, struct scene *scene)
{
	unsigned int n = 0;
	int ret;

	do {
		struct smudge_memory_stats before = {.size = sizeof(before)};

		if (scene->memory)
			before = fake_stats(scene->memory);
		fail_memory_at(++n);
		ret = call(scene);
		fail_memory_off();
		if (!fail_memory_has_failed())
			break;
		assert_int_equal(ret, -ENOMEM);
		if (scene->memory)
			assert_same(&before, scene);
	} while (n < 100);
	assert_int_equal(ret, 0);
	assert_in_range(n, 2, 99); /* at least one allocation was failed */
}

static void expect_no_memory(const struct smudge_error *err, int ret)
{
	if (err->code != ret ||
	    (ret < 0 && strncmp(err->message, "no memory ", 10)))
		fail_msg("%d, %d \"%s\"", ret, err->code, err->message);
}

static int call_bitmap(struct scene *scene)
{
	struct smudge_bitmap *bitmap = NULL;
	struct smudge_error err;
	int ret = smudge_bitmap_create(100000, &bitmap, &err);

	expect_no_memory(&err, ret);
	assert_true(ret == 0 || !bitmap);
	smudge_bitmap_destroy(bitmap);
	return ret;
}

static int call_batch(struct scene *scene)
{
	struct smudge_batch *batch = NULL;
	struct smudge_error err;
	int ret = smudge_batch_create(0, &batch, &err);

	expect_no_memory(&err, ret);
	assert_true(ret == 0 || !batch);
	smudge_batch_destroy(batch);
	return ret;
}

static int call_memory(struct scene *scene)
{
	struct smudge_memory *memory = NULL;
	int ret = smudge_memory_create(&memory);

	assert_true(ret == 0 || !memory);
	smudge_memory_destroy(memory, NULL);
	return ret;
}

static int no_start(void *opaque, const struct smudge_source_range *range,
		    struct smudge_error *err)
{
	return 0;
}

static void no_stop(void *opaque)
{
}

static int no_harvest(void *opaque, struct smudge_sink *sink,
		      struct smudge_error *err)
{
	return 0;
}

static int call_source(struct scene *scene)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "test",
		.start = no_start,
		.stop = no_stop,
		.harvest = no_harvest,
	};
	struct smudge_source *source = NULL;
	struct smudge_error err;
	int ret = smudge_source_create(&ops, NULL, &source, &err);

	expect_no_memory(&err, ret);
	assert_true(ret == 0 || !source);
	smudge_source_destroy(source);
	return ret;
}

static int call_region_add(struct scene *scene)
{
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "new",
		.hva = (void *)(UINT64_C(1) << 40),
		.gpa = UINT64_C(1) << 40,
		.size_bytes = 8 << 20,
	};
	struct smudge_region *region = NULL;
	struct smudge_error err;
	int ret = smudge_region_add(scene->memory, &options, &region, &err);

	fail_memory_off(); /* what follows is not under test */
	expect_no_memory(&err, ret);
	assert_true(ret == 0 || !region);
	if (ret == 0)
		assert_int_equal(smudge_region_remove(region, NULL), 0);
	return ret;
}

static int call_region_remove(struct scene *scene)
{
	struct smudge_error err;
	int ret = smudge_region_remove(scene->second, &err);

	expect_no_memory(&err, ret);
	return ret;
}

static int call_client_open(struct scene *scene)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "new"};
	struct smudge_client *client = NULL;
	struct smudge_error err = {0};
	int ret = smudge_client_open(scene->memory, &options, &client, &err);

	fail_memory_off();
	assert_int_equal(err.code, ret);
	assert_true(ret == 0 || !client);
	if (ret == 0)
		assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

static int call_client_skip(struct scene *scene)
{
	uint64_t before = smudge_client_dirty_pages(scene->client);
	int ret = smudge_client_skip(scene->client, scene->region, 0, 64, NULL);

	if (ret < 0)
		assert_int_equal(before,
				 smudge_client_dirty_pages(scene->client));
	return ret;
}

static int call_code_open(struct scene *scene)
{
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_code *code = NULL;
	struct smudge_error err = {0};
	int ret = smudge_code_open(scene->memory, &options, &code, &err);

	fail_memory_off();
	assert_int_equal(err.code, ret);
	assert_true(ret == 0 || !code);
	smudge_code_close(code);
	return ret;
}

/* The first block of a region, in a handle that is open. */
static int call_code_add(struct scene *scene)
{
	struct smudge_error err = {0};
	int ret = smudge_code_add(scene->code, 0x3000, 100, 0, &err);

	fail_memory_off();
	if (ret == -EAGAIN)
		return 0;
	assert_int_equal(err.code, ret);
	assert_false(smudge_code_watches(scene->code, 0x3000));
	return ret;
}

static void start_scene(struct scene *scene, bool has_client)
{
	struct smudge_error err = {0};

	memset(scene, 0, sizeof(*scene));
	assert_int_equal(smudge_memory_create(&scene->memory), 0);
	scene->region = fake_region(scene->memory, 0, 10000);
	scene->second = fake_region(scene->memory, UINT64_C(1) << 32, 300);
	fake_create(&scene->fake, true);
	assert_int_equal(smudge_region_attach(scene->region, scene->fake.source,
					      0, 0, &err),
			 0);
	if (has_client)
		scene->client = fake_client(scene->memory, "watcher", false);
}

static void end_scene(struct scene *scene)
{
	assert_int_equal(smudge_client_close(scene->client), 0);
	fake_destroy(&scene->fake);
	assert_int_equal(smudge_memory_destroy(scene->memory, NULL), 0);
}

static void in_scene(scene_call call, bool has_client)
{
	struct scene scene;

	start_scene(&scene, has_client);
	every_allocation_fails(call, &scene);
	end_scene(&scene);
}

static void test_creations(void **state)
{
	struct scene scene = {0};

	every_allocation_fails(call_bitmap, &scene);
	every_allocation_fails(call_batch, &scene);
	every_allocation_fails(call_memory, &scene);
	every_allocation_fails(call_source, &scene);
}

static void test_regions(void **state)
{
	in_scene(call_region_add, false);
	in_scene(call_region_add, true);
	in_scene(call_region_remove, true);
}

static void test_clients(void **state)
{
	in_scene(call_client_open, false);
	in_scene(call_client_open, true);
	in_scene(call_client_skip, true);
}

static void test_code(void **state)
{
	struct smudge_code_options options = {.size = sizeof(options)};
	struct scene scene;

	in_scene(call_code_open, false);
	for (int has_client = 0; has_client < 2; has_client++) {
		start_scene(&scene, has_client);
		assert_int_equal(smudge_code_open(scene.memory, &options,
						  &scene.code, NULL),
				 0);
		every_allocation_fails(call_code_add, &scene);
		smudge_code_close(scene.code);
		end_scene(&scene);
	}
}

TEST_MAIN(test_creations, test_regions, test_clients, test_code)
