/* SPDX-License-Identifier: MIT */
/*
 * A filter denies membarrier(2) when a memory is in use: clients open and
 * close, regions and sources come and go, and the process continues. The same
 * with every replacement of membarrier(2) denied too; then taken pages stay
 * dirty, and a loop of smudge_client_take_next still ends.
 */
#include "support.h"

#include <errno.h>
#include <sys/syscall.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "deny.h"
#include "fake_source.h"

#include "sys/barrier.h"

static const struct deny_rule rules[] = {
	{.call = SYS_membarrier, .answer = EPERM},
	{.call = SYS_mprotect, .answer = EPERM},
	{.call = SYS_sched_setaffinity, .answer = EPERM},
};

/* In a child; cmocka's assertions are for its helpers, which must not fail. */
static bool use_memory(void *opaque)
{
	size_t nrules = *(size_t *)opaque;
	struct smudge_memory *memory;
	struct smudge_region *region, *other;
	struct smudge_client *client;
	struct fake_source fake;
	struct smudge_memory_stats stats;

	if (smudge_memory_create(&memory))
		return false;
	region = fake_region(memory, 0, 100);
	other = fake_region(memory, 100 << 12, 100);
	fake_create(&fake, true);
	if (smudge_region_attach(region, fake.source, 0, 0, NULL))
		return false;
	client = fake_client(memory, "early", true);
	smudge_memory_mark_gpa(memory, 0, 4096);
	if (!deny(rules, nrules))
		return false;
	if (fake_take(client, region) != 1 || smudge_client_close(client))
		return false;
	client = fake_client(memory, "late", false);
	smudge_memory_mark_gpa(memory, 5000, 1);
	if (fake_take(client, region) != 100 ||
	    smudge_region_remove(other, NULL) ||
	    smudge_source_detach(fake.source, NULL) ||
	    smudge_client_close(client))
		return false;
	stats = fake_stats(memory);
	fake_destroy(&fake);
	if (smudge_memory_destroy(memory, NULL))
		return false;
	return nrules == 1 ? !stats.unfreed && !stats.kept_pages
			   : stats.unfreed == 6 && stats.kept_pages == 101;
}

/*
 * Each loop takes every page once, and the pages stay dirty while there is no
 * barrier.
 */
static bool loop(void *opaque)
{
	size_t nrules = *(size_t *)opaque;
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;

	if (smudge_memory_create(&memory) ||
	    smudge_batch_create(0, &batch, NULL))
		return false;
	region = fake_region(memory, 0, 100);
	client = fake_client(memory, "looping", false);
	smudge_region_mark(region, 3, 1);
	if (!deny(rules, nrules))
		return false;
	for (int i = 0; i < 3; i++) {
		struct smudge_run rest = {0, 100};
		uint64_t npages = 0;
		int ret;

		while ((ret = smudge_client_take_next(client, region, &rest, 7,
						      batch, NULL)) > 0) {
			npages += smudge_batch_npages(batch);
			smudge_client_commit(client, batch);
		}
		if (ret < 0 || npages != (i == 0 || nrules > 1 ? 100 : 0))
			return false;
	}
	if (fake_stats(memory).kept_pages != (nrules > 1 ? 300 : 0))
		return false;
	return !smudge_batch_destroy(batch) && !smudge_client_close(client) &&
	       !smudge_memory_destroy(memory, NULL);
}

static void test_membarrier(void **state)
{
	size_t nrules = 1;

	deny_and_run(NULL, 0, use_memory, &nrules);
	deny_and_run(NULL, 0, loop, &nrules);
}

static void test_every_barrier(void **state)
{
	size_t nrules = 3;

	if (!smi_sys_barrier_register())
		test_skip_without("membarrier", "it is not in this kernel");
	deny_and_run(NULL, 0, use_memory, &nrules);
	deny_and_run(NULL, 0, loop, &nrules);
}

TEST_MAIN(test_membarrier, test_every_barrier)
