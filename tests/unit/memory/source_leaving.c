/* SPDX-License-Identifier: MIT */
/*
 * Many threads read a source's statistics and detach it while its region is
 * removed: no thread may wait for a lock that was freed with the region.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fake_source.h"

#define NTHREADS 8
#define NREGIONS 60

static struct smudge_source *source;
static atomic_int nstopping; /* regions that have begun to leave */
static atomic_int ndone;     /* what the threads did, all together */

static int do_nothing(void *opaque, const struct smudge_source_range *range,
		      struct smudge_error *err)
{
	return 0;
}

static int find_nothing(void *opaque, struct smudge_sink *sink,
			struct smudge_error *err)
{
	return 0;
}

/* Called with the region's lock held: the threads come to wait for it. */
static void stop_slowly(void *opaque)
{
	atomic_fetch_add(&nstopping, 1);
	usleep(300);
}

static void *use_source(void *opaque)
{
	struct smudge_source_stats stats = {.size = sizeof(stats)};
	bool detaches = opaque != NULL;

	for (int i = 1; i <= NREGIONS; i++) {
		while (atomic_load(&nstopping) < i)
			usleep(10);
		if (detaches)
			smudge_source_detach(source, NULL);
		else
			smudge_source_stats(source, &stats);
		atomic_fetch_add(&ndone, 1);
	}
	return NULL;
}

static void test_region_leaves(void **state)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "slow",
		.start = do_nothing,
		.stop = stop_slowly,
		.harvest = find_nothing,
	};
	pthread_t threads[NTHREADS];
	struct smudge_memory *memory;
	struct smudge_client *client;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_source_create(&ops, NULL, &source, NULL), 0);
	client = fake_client(memory, "c", false);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, use_source,
			       i % 2 ? memory : NULL);
	for (int i = 1; i <= NREGIONS; i++) {
		struct smudge_region *region = fake_region(memory, 0, 10);

		assert_int_equal(
			smudge_region_attach(region, source, 0, 0, NULL), 0);
		assert_int_equal(smudge_region_remove(region, NULL), 0);
		while (atomic_load(&ndone) < i * NTHREADS)
			usleep(10);
	}
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(smudge_client_close(client), 0);
	smudge_source_destroy(source);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_region_leaves)
