/* SPDX-License-Identifier: MIT */
/*
 * Posts to a hub's source as it starts and stops: what is posted from within
 * start is kept, a start that fails leaves nothing behind, and a stop waits for
 * a post that is under way.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <smudge/bitmap.h>
#include <smudge/client.h>
#include <smudge/hub.h>

#include "fake_source.h"
#include "support.h"

#define NPAGES 100

static _Thread_local bool is_slow; /* this thread's marks */
static atomic_bool is_marking;

void __real_smudge_bitmap_mark(struct smudge_bitmap *bitmap, uint64_t page);
void __wrap_smudge_bitmap_mark(struct smudge_bitmap *bitmap, uint64_t page);

void __wrap_smudge_bitmap_mark(struct smudge_bitmap *bitmap, uint64_t page)
{
	if (is_slow) {
		atomic_store_explicit(&is_marking, true, memory_order_release);
		usleep(20000);
	}
	__real_smudge_bitmap_mark(bitmap, page);
}

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_hub *hub;
	struct smudge_hub_member *member;
	struct smudge_source *source;
	int start_value; /* what the next starts return */
};

static int nothing(void *opaque, struct smudge_error *err)
{
	return 0;
}

static int post_one(void *opaque, void *member_opaque,
		    const struct smudge_source_range *range,
		    struct smudge_error *err)
{
	struct rig *rig = opaque;

	smudge_hub_post(rig->member, 3, 1);
	return rig->start_value;
}

static void open_rig(struct rig *rig)
{
	const struct smudge_hub_ops ops = {.size = sizeof(ops),
					   .name = "hub",
					   .collect = nothing,
					   .start = post_one};
	const struct smudge_hub_member_options options = {
		.size = sizeof(options), .npages = NPAGES, .page_shift = 12};

	rig->start_value = 0;
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->region = fake_region(rig->memory, 0, NPAGES);
	assert_int_equal(smudge_hub_create(&ops, rig, &rig->hub, NULL), 0);
	assert_int_equal(smudge_hub_join(rig->hub, &options, &rig->source,
					 &rig->member, NULL),
			 0);
	assert_int_equal(
		smudge_region_attach(rig->region, rig->source, 0, 0, NULL), 0);
}

static void close_rig(struct rig *rig)
{
	smudge_source_destroy(rig->source);
	smudge_hub_destroy(rig->hub);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

/* Open a client that is clean, and expect page 3 alone after a harvest. */
static struct smudge_client *expect_post(struct rig *rig)
{
	struct smudge_client *client = fake_client(rig->memory, "c", true);

	assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
	assert_true(smudge_client_test(client, rig->region, 3));
	assert_int_equal(smudge_client_dirty_pages(client), 1);
	return client;
}

static void test_within_start(void **state)
{
	struct rig rig;

	open_rig(&rig);
	for (int i = 0; i < 2; i++)
		assert_int_equal(smudge_client_close(expect_post(&rig)), 0);
	close_rig(&rig);
}

static void test_start_fails(void **state)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "c"};
	struct smudge_client *client;
	struct rig rig;

	open_rig(&rig);
	rig.start_value = -ENODEV;
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &client, NULL),
		-ENODEV);
	rig.start_value = 7;
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &client, NULL), -EIO);
	smudge_hub_post(rig.member, 5, 1); /* it is stopped */
	rig.start_value = 0;
	assert_int_equal(smudge_client_close(expect_post(&rig)), 0);
	close_rig(&rig);
}

static void *post_slowly(void *opaque)
{
	is_slow = true;
	smudge_hub_post(opaque, 4, 1);
	is_slow = false;
	return NULL;
}

/* Its bitmap must not be freed below it. */
static void test_stop_waits(void **state)
{
	struct smudge_client *client;
	pthread_t thread;
	struct rig rig;

	open_rig(&rig);
	client = expect_post(&rig);
	atomic_store_explicit(&is_marking, false, memory_order_relaxed);
	assert_int_equal(pthread_create(&thread, NULL, post_slowly, rig.member),
			 0);
	while (!atomic_load_explicit(&is_marking, memory_order_acquire))
		usleep(100);
	assert_int_equal(smudge_client_close(client), 0);
	pthread_join(thread, NULL);
	close_rig(&rig);
}

TEST_MAIN(test_within_start, test_start_fails, test_stop_waits)
