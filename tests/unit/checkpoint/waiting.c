/* SPDX-License-Identifier: MIT */
/*
 * While a layer is written its pages wait no more, one after the other: what a
 * program shows as progress.
 */
#include <string.h>

#include "fail_writes.h"
#include "rig.h"

enum {
	NPAGES = 4096,
	CHUNK_NPAGES = 256 /* that the one thread writes at once */
};

struct seen {
	struct smudge_checkpointer *cp;
	unsigned int n;
	uint64_t first, last; /* pages that wait */
	bool has_failed, has_risen;
};

static void see(void *opaque)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	struct seen *seen = opaque;

	seen->has_failed |= smudge_checkpointer_stats(seen->cp, &stats) != 0;
	if (!seen->n++)
		seen->first = stats.waiting_pages;
	else
		seen->has_risen |= stats.waiting_pages > seen->last;
	seen->last = stats.waiting_pages;
}

static struct smudge_checkpointer_stats at_resume[4];

static int see_resume(struct rig *rig, const char *callback)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};

	if (strcmp(callback, "resume"))
		return 0;
	(void)!smudge_checkpointer_stats(rig->cp, &stats);
	at_resume[rig->npauses - 1] = stats;
	return 0;
}

/* Of a full layer before its pause, and in it. */
static void copied_pages_are_counted(void **state)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	struct smudge_save_options full = {.size = sizeof(full),
					   .is_full = true};
	struct rig_region *ram;
	uint64_t ticket;
	struct rig rig;

	rig_open(&rig, "copying");
	rig.hook = see_resume;
	ram = rig_add(&rig, "ram", 0, NPAGES, NPAGES);
	rig_create(&rig);
	for (size_t page = 0; page < NPAGES / 2; page++)
		rig_write(&rig, ram, page, (uint32_t)page + 1);
	rig_checkpoint(&rig, NULL);
	rig_write(&rig, ram, 7, 7);
	rig_checkpoint(&rig, NULL);
	assert_int_equal(smudge_checkpointer_save(rig.cp, &full, &ticket, NULL),
			 0);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, ticket, NULL, NULL),
			 0);
	assert_int_equal(at_resume[0].copying_pages, NPAGES / 2);
	assert_int_equal(at_resume[1].copying_pages, 1);
	assert_int_equal(at_resume[2].copying_pages, NPAGES);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(at_resume[i].uncopied_pages, 0);
	assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), 0);
	assert_int_equal(stats.copying_pages, 0);
	rig_close(&rig);
}

static void waiting_pages_become_fewer(void **state)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	struct rig_region *ram;
	struct seen seen = {0};
	struct rig rig;

	rig_open(&rig, "waiting");
	rig.options.nthreads = 1;
	rig.options.uncompressed = true;
	ram = rig_add(&rig, "ram", 0, NPAGES, NPAGES);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	for (size_t page = 0; page < NPAGES; page++)
		rig_write(&rig, ram, page, (uint32_t)page + 1);
	seen.cp = rig.cp;
	fail_writes_watch(see, &seen);
	rig_checkpoint(&rig, NULL);
	fail_writes_watch(NULL, NULL);
	assert_false(seen.has_failed || seen.has_risen);
	assert_int_equal(seen.first, NPAGES);
	assert_true(seen.last <= CHUNK_NPAGES);
	assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), 0);
	assert_int_equal(stats.waiting_pages, 0);
	rig_close(&rig);
}

TEST_MAIN(copied_pages_are_counted, waiting_pages_become_fewer)
