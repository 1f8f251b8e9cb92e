/* SPDX-License-Identifier: MIT */
/*
 * I/O into pages that mprotect(2) protects. It is refused there, so a program
 * stores to the pages first. What happens then is as for other sources: a
 * harvest in between protects the pages, and what is pinned already is written
 * undetected; what is not pinned yet is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/mprotect.h>

#include "pinned_rig.h"

static void need(void)
{
	struct smudge_source *source;
	struct smudge_error err = {0};
	int ret = smudge_mprotect_create(&source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("mprotect", err.message);
	assert_int_equal(ret, 0);
	smudge_source_destroy(source);
}

static void create(struct pinned_rig *rig)
{
	assert_int_equal(smudge_mprotect_create(&rig->source, NULL), 0);
}

#define NPAGES	256 /* each is a signal, twice a round */
#define NROUNDS 4

static const struct pinned_source mprotect_source = {.need = need,
						     .create = create,
						     .refuses = true,
						     .npages = NPAGES,
						     .nrounds = NROUNDS,
						     .max_rounds = 40};

static void test_private(void **state)
{
	pinned_rig_check_calls(&mprotect_source, MAP_PRIVATE);
}

static void test_shared(void **state)
{
	pinned_rig_check_calls(&mprotect_source, MAP_SHARED);
}

/* The read fails as it ends; what came through the pipe is gone. */
static void test_read_late(void **state)
{
	assert_int_equal(pinned_rig_read_late(&mprotect_source), -EFAULT);
}

/*
 * Only the pages before @nwritable may be written. The call fails or ends
 * early; also one that fails has written pages, and each of them is dirty.
 */
static void expect_refused(struct pinned_rig *rig, uint64_t nwritable)
{
	struct track *t = &rig->track;
	int ret;

	pinned_rig_make_equal(rig, PINNED_NO_RULE);
	memset(rig->target.ram, 'O', nwritable * 4096);
	ret = rig->call->transfer(&rig->target);
	assert_true(ret == -EFAULT || (nwritable && ret == -EIO));
	track_harvest(t);
	for (uint64_t page = 0; page < NPAGES; page++) {
		bool is_dirty =
			smudge_client_test(rig->client, t->region, page);

		assert_int_equal(is_dirty, page < nwritable);
		if (!is_dirty)
			assert_int_equal(rig->target.ram[page * 4096], 'O');
	}
	printf("# %s, %u pages writable: %s, %s\n", rig->call->name,
	       (unsigned int)nwritable, ret == -EIO ? "short" : "fails",
	       rig->target.ram[0] == 'O' ? "nothing written" : "written");
}

/* /proc/PID/mem forces its way into private memory, and nothing reports it. */
static void expect_forced(struct pinned_rig *rig)
{
	pinned_rig_make_equal(rig, PINNED_NO_RULE);
	assert_int_equal(rig->call->transfer(&rig->target), 0);
	track_harvest(&rig->track);
	track_expect_none(&rig->track, rig->client);
}

static void try_call(struct pinned_rig *rig)
{
	int ret;

	pinned_rig_make_equal(rig, PINNED_NO_RULE);
	ret = rig->call->open(&rig->target);
	if (rig->call->stays_pinned)
		assert_true(ret < 0);
	if (ret < 0) {
		printf("# %s: %s\n", rig->call->name, strerror(-ret));
		return;
	}
	if (rig->call->is_brief) {
		expect_forced(rig);
	} else {
		expect_refused(rig, 0);
		expect_refused(rig, NPAGES / 3);
	}
	rig->call->close(&rig->target);
}

static void test_refused(void **state)
{
	struct pinned_rig rig;

	pinned_rig_open(&rig, &mprotect_source, MAP_PRIVATE);
	pinned_rig_open_client(&rig, PINNED_NO_RULE);
	for (size_t i = 0; i < npinned_calls; i++) {
		rig.call = &pinned_calls[i];
		try_call(&rig);
	}
	assert_int_equal(smudge_client_close(rig.client), 0);
	pinned_rig_close(&rig);
}

TEST_MAIN(test_refused, test_read_late, test_private, test_shared)
