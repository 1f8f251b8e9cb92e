/* SPDX-License-Identifier: MIT */
/*
 * Statistics of a process: sizes of the struct that other versions have, counts
 * that add up, and what is named as not tracked. Sparse memory of 64 GiB.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "process_rig.h"
#include "support.h"

#define P    ((uint64_t)RIG_PAGE)
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static const struct smudge_process_options by_uffd = {
	.size = sizeof(by_uffd), .method = SMUDGE_PROCESS_UFFD};

static struct process_rig rig;

static void open_rig(void)
{
	test_need_uffd();
	process_rig_start(&rig);
}

static void close_rig(void)
{
	process_rig_stop(&rig);
}

static void sizes(void)
{
	unsigned char bytes[2 * sizeof(struct smudge_process_stats)];
	struct smudge_process_stats stats;

	process_rig_track(&rig, &by_uffd);
	memset(bytes, 0xa5, sizeof(bytes));
	stats.size = sizeof(bytes);
	memcpy(bytes, &stats.size, sizeof(stats.size));
	assert_int_equal(smudge_process_stats(rig.process, (void *)bytes), 0);
	memcpy(&stats, bytes, sizeof(stats));
	assert_int_equal(stats.size, sizeof(bytes));
	assert_int_equal(bytes[sizeof(stats)], 0xa5);
	assert_int_equal(stats.method, SMUDGE_PROCESS_UFFD);
	stats.size = offsetof(struct smudge_process_stats, untracked_pages);
	assert_int_equal(smudge_process_stats(rig.process, &stats), -EINVAL);
}

static void counts(void)
{
	struct smudge_process_stats stats;
	uint64_t at;

	process_rig_track(&rig, &by_uffd);
	stats = rig_stats(&rig);
	assert_int_equal(stats.stops, 1);
	assert_int_equal(stats.nregions,
			 smudge_memory_regions(rig.memory, NULL, 0));
	assert_int_equal(stats.regions_appeared, stats.nregions);
	assert_int_equal(stats.regions_gone, 0);
	at = rig_mmap(&rig, 0, 8 * P, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	rig_harvest(&rig);
	rig_munmap(&rig, at, 8 * P);
	rig_harvest(&rig);
	stats = rig_stats(&rig);
	assert_int_equal(stats.regions_gone, 1);
	assert_int_equal(stats.regions_appeared - stats.regions_gone,
			 stats.nregions);
	assert_int_equal(stats.execs, 0);
}

struct found {
	uint64_t address;
	uint64_t npages;
	int n;
};

static void find(void *opaque, const struct smudge_process_untracked *u)
{
	struct found *found = opaque;

	assert_int_equal(u->size, sizeof(*u));
	assert_non_null(u->name);
	assert_non_null(u->reason);
	found->npages += (u->end_address - u->first_address) / P;
	if (u->first_address != found->address)
		return;
	found->n++;
	assert_false(u->is_dirty);
	assert_string_equal(u->reason, "it is larger than 256 GiB");
}

static void untracked(void)
{
	uint64_t bytes = UINT64_C(300) << 30;
	struct found found = {
		.address = rig_mmap(&rig, 0, bytes, RW,
				    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
				    -1)};

	process_rig_track(&rig, &by_uffd);
	smudge_process_each_untracked(rig.process, find, &found);
	assert_int_equal(found.n, 1);
	assert_null(rig_region(&rig, found.address));
	assert_true(rig_stats(&rig).untracked_mappings >= 1);
	assert_int_equal(rig_stats(&rig).untracked_pages, found.npages);
}

/* Its page tables are the cost: 128 MiB while it is tracked. */
static void sparse(void)
{
	uint64_t bytes = UINT64_C(64) << 30;
	uint64_t at = rig_mmap(&rig, 0, bytes, RW, ANON | MAP_NORESERVE, -1);
	struct smudge_process_options o = by_uffd;

	o.select = SMUDGE_PROCESS_RANGE;
	o.first_address = at + (bytes / 2);
	o.end_address = o.first_address + 1;
	process_rig_track(&rig, &o);
	rig_harvest(&rig);
	rig_clean(&rig);
	rig_store(&rig, at + bytes - P, 1);
	rig_store(&rig, at + (UINT64_C(5) << 30), 1);
	rig_harvest(&rig);
	assert_int_equal(smudge_client_dirty_pages(rig.client), 2);
	assert_true(rig_is_dirty(&rig, at + bytes - P));
}

RIG_CASE(sizes)
RIG_CASE(counts)
RIG_CASE(untracked)
RIG_CASE(sparse)

RIG_MAIN(case_sizes, case_counts, case_untracked, case_sparse)
