/* SPDX-License-Identifier: MIT */
/*
 * membarrier(2) is refused after memories were created, and nothing replaces
 * it: every call succeeds, nothing is freed under a marker, removed objects
 * wait and are counted, and pages that are taken stay dirty. Once a barrier
 * works again, what waited is freed and takes clear their pages. A process
 * settles once, so the tests depend on their order.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "fake_source.h"

#include "sys/barrier.h"

#define NPAGES 1000

static bool is_refused;
static unsigned int nbarriers; /* that worked */

bool __real_smi_sys_barrier(void);
bool __real_smi_sys_barrier_slow(void);
bool __wrap_smi_sys_barrier(void);
bool __wrap_smi_sys_barrier_slow(void);

bool __wrap_smi_sys_barrier(void)
{
	bool works = !is_refused && __real_smi_sys_barrier();

	nbarriers += works;
	return works;
}

bool __wrap_smi_sys_barrier_slow(void)
{
	bool works = !is_refused && __real_smi_sys_barrier_slow();

	nbarriers += works;
	return works;
}

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *first, *second;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct fake_source fake;
	pthread_t marker;
	atomic_bool is_over;
};

/* Marks all the time, wherever the region table and the views lead. */
static void *marker_main(void *opaque)
{
	struct rig *rig = opaque;

	for (uint64_t i = 0; !atomic_load(&rig->is_over); i++)
		smudge_memory_mark_gpa(rig->memory, i % (2 * NPAGES) << 12, 1);
	return NULL;
}

static void start_rig(struct rig *rig)
{
	if (!smi_sys_barrier_register())
		test_skip_without("membarrier", "it is not in this kernel");
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->first = fake_region(rig->memory, 0, NPAGES);
	rig->second = fake_region(rig->memory, NPAGES << 12, NPAGES);
	fake_create(&rig->fake, false);
	assert_int_equal(
		smudge_region_attach(rig->second, rig->fake.source, 0, 0, NULL),
		0);
	rig->client = fake_client(rig->memory, "early", false);
	assert_int_equal(smudge_batch_create(0, &rig->batch, NULL), 0);
	atomic_init(&rig->is_over, false);
	assert_int_equal(pthread_create(&rig->marker, NULL, marker_main, rig),
			 0);
}

static void end_rig(struct rig *rig)
{
	atomic_store(&rig->is_over, true);
	pthread_join(rig->marker, NULL);
	fake_destroy(&rig->fake);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
	smudge_batch_destroy(rig->batch);
}

static uint64_t take_all(struct rig *rig, struct smudge_region *region)
{
	uint64_t npages;

	assert_int_equal(smudge_client_take(rig->client, region, 0, NPAGES,
					    rig->batch, NULL),
			 0);
	npages = smudge_batch_npages(rig->batch);
	assert_int_equal(smudge_client_commit(rig->client, rig->batch), 0);
	return npages;
}

static void reopen(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->client), 0);
	rig->client = fake_client(rig->memory, "late", false);
}

/* The marker continues; nothing that it uses may be freed. */
static void leave_and_come(struct rig *rig)
{
	for (int i = 0; i < 20; i++) {
		reopen(rig);
		assert_int_equal(smudge_region_remove(rig->first, NULL), 0);
		rig->first = fake_region(rig->memory, 0, NPAGES);
	}
}

static void test_refused(void **state)
{
	struct smudge_memory_stats stats;
	static struct rig rig;

	start_rig(&rig);
	is_refused = true;
	leave_and_come(&rig);
	stats = fake_stats(rig.memory);
	/* each time two views, one view with its region, two tables */
	assert_int_equal(stats.unfreed, 20 * 6);
	assert_int_equal(stats.nclients, 1);
	assert_int_equal(stats.nregions, 2);
	/* opened without a grace period: taken pages stay dirty */
	assert_int_equal(take_all(&rig, rig.first), NPAGES);
	assert_int_equal(take_all(&rig, rig.first), NPAGES);
	assert_int_equal(take_all(&rig, rig.second), NPAGES);
	stats = fake_stats(rig.memory);
	assert_int_equal(stats.kept_pages, 3 * NPAGES);
	assert_int_equal(smudge_source_detach(rig.fake.source, NULL), 0);
	assert_int_equal(smudge_client_close(rig.client), 0);
	end_rig(&rig);
}

static void test_had_again(void **state)
{
	struct smudge_memory_stats stats;
	static struct rig rig;

	is_refused = false;
	start_rig(&rig);
	is_refused = true;
	leave_and_come(&rig);
	take_all(&rig, rig.second);
	is_refused = false;
	atomic_store(&rig.is_over, true);
	pthread_join(rig.marker, NULL);
	assert_int_equal(take_all(&rig, rig.second), NPAGES);
	assert_int_equal(take_all(&rig, rig.second), 0);
	assert_int_equal(fake_stats(rig.memory).unfreed, 20 * 6);
	reopen(&rig);
	stats = fake_stats(rig.memory);
	assert_int_equal(stats.unfreed, 0);
	assert_int_equal(stats.kept_pages, NPAGES);
	assert_int_equal(take_all(&rig, rig.first), NPAGES);
	assert_int_equal(take_all(&rig, rig.first), 0);
	assert_int_equal(smudge_client_close(rig.client), 0);
	assert_int_equal(pthread_create(&rig.marker, NULL, marker_main, &rig),
			 0);
	end_rig(&rig);
}

static uint64_t take_page(struct rig *rig, uint64_t page)
{
	uint64_t npages;

	assert_int_equal(smudge_client_take(rig->client, rig->first, page, 1,
					    rig->batch, NULL),
			 0);
	npages = smudge_batch_npages(rig->batch);
	assert_int_equal(smudge_client_commit(rig->client, rig->batch), 0);
	return npages;
}

/*
 * A region that grows needs a barrier before its new pages are taken: a marker
 * that read the old size has dropped its mark of one.
 */
static void test_growth(void **state)
{
	static struct rig rig;
	unsigned int before;

	is_refused = false;
	start_rig(&rig);
	assert_int_equal(smudge_region_remove(rig.first, NULL), 0);
	rig.first = fake_region_room(rig.memory, 0, NPAGES / 2, NPAGES);
	before = nbarriers;
	assert_int_equal(smudge_region_resize(rig.first, 600, NULL), 0);
	assert_true(nbarriers > before);
	assert_int_equal(take_page(&rig, 599), 1);
	is_refused = true;
	assert_int_equal(smudge_region_resize(rig.first, 700, NULL), 0);
	assert_int_equal(smudge_region_resize(rig.first, 650, NULL), 0);
	assert_int_equal(take_page(&rig, 649), 1);
	assert_int_equal(take_page(&rig, 649), 1);
	is_refused = false;
	atomic_store(&rig.is_over, true);
	pthread_join(rig.marker, NULL);
	assert_int_equal(take_page(&rig, 649), 1);
	assert_int_equal(take_page(&rig, 649), 0);
	assert_int_equal(smudge_client_close(rig.client), 0);
	assert_int_equal(pthread_create(&rig.marker, NULL, marker_main, &rig),
			 0);
	end_rig(&rig);
}

TEST_MAIN(test_refused, test_had_again, test_growth)
