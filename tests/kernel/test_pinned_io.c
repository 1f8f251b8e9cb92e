/* SPDX-License-Identifier: MIT */
/*
 * I/O into pinned pages that userfaultfd tracks, beside harvests.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pinned_rig.h"

static void create(struct pinned_rig *rig)
{
	assert_int_equal(smudge_uffd_create(&rig->source, NULL), 0);
}

static const struct pinned_source uffd = {.need = test_need_uffd,
					  .create = create,
					  .npages = 1024,
					  .nrounds = 25,
					  .max_rounds = 500};

static void test_private(void **state)
{
	pinned_rig_check_calls(&uffd, MAP_PRIVATE);
}

static void test_shared(void **state)
{
	pinned_rig_check_calls(&uffd, MAP_SHARED);
}

/* What was pinned before its page was armed is reported by nothing. */
static void test_opened_in_flight(void **state)
{
	struct pinned_rig rig;
	int lost;

	pinned_rig_open(&rig, &uffd, MAP_PRIVATE);
	rig.call = &pinned_calls[0];
	assert_int_equal(rig.call->open(&rig.target), 0);
	lost = pinned_rig_count_lost(&rig, PINNED_NO_RULE, true);
	assert_int_equal(
		pinned_rig_count_lost(&rig, PINNED_REARM_WHEN_QUIESCED, true),
		0);
	rig.call->close(&rig.target);
	pinned_rig_close(&rig);
	if (!lost)
		test_skip_without("odirect", "nothing was lost without a rule");
}

/*
 * vmsplice(2) copies what it takes from a pipe, so it is seen as any store.
 * The other way round it pins pages that the pipe's reader reads: nothing is
 * written to them, and nothing is reported.
 */
static void test_vmsplice(void **state)
{
	struct pinned_rig rig;
	struct iovec iov;
	int ends[2];

	pinned_rig_open(&rig, &uffd, MAP_PRIVATE);
	pinned_rig_open_client(&rig, PINNED_NO_RULE);
	pinned_rig_make_equal(&rig, PINNED_NO_RULE);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], rig.target.filled, 8192), 8192);
	iov = (struct iovec){rig.target.ram + 10 * 4096, 8192};
	assert_int_equal(vmsplice(ends[0], &iov, 1, 0), 8192);
	assert_int_equal(rig.target.ram[11 * 4096], PINNED_FILL);
	track_harvest(&rig.track);
	track_expect(&rig.track, rig.client, 10, 11);
	track_clean(&rig.track, rig.client);
	iov = (struct iovec){rig.target.ram + 20 * 4096, 8192};
	assert_int_equal(vmsplice(ends[1], &iov, 1, SPLICE_F_GIFT), 8192);
	assert_int_equal(read(ends[0], rig.copy, 8192), 8192);
	assert_int_equal(rig.copy[0], 'O');
	track_harvest(&rig.track);
	track_expect_none(&rig.track, rig.client);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(smudge_client_close(rig.client), 0);
	pinned_rig_close(&rig);
}

static void test_read_late(void **state)
{
	assert_int_equal(pinned_rig_read_late(&uffd), 4096);
}

TEST_MAIN(test_private, test_shared, test_opened_in_flight, test_vmsplice,
	  test_read_late)
