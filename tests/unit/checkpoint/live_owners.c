/* SPDX-License-Identifier: MIT */
/*
 * Two checkpointers on one device: the one that came first finds out, in the
 * middle of its writing or while its snapshot is taken, and says so. The other
 * one's moment is whole.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/disk_owner.h"
#include "checkpoint/target.h"
#include "live_rig.h"

#define MIB  (UINT64_C(1) << 20)
#define PAGE 4096

/* How long the newer one waits for the older one's last write. */
#define STOP_NS	     UINT64_C(15000000)
#define BUSY_STOP_NS (10 * STOP_NS) /* where the older one seems to write */

static struct live older, newer;

/* The older one's write that waits at the gate. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct smudge_disk_ops ops;
	struct smudge_disk disk;
	unsigned int nwrites, closed_at;
	bool is_there, is_open;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .changed = PTHREAD_COND_INITIALIZER};

static void pass_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	if (++gate.nwrites == gate.closed_at) {
		gate.is_there = true;
		pthread_cond_broadcast(&gate.changed);
		while (!gate.is_open)
			pthread_cond_wait(&gate.changed, &gate.lock);
	}
	pthread_mutex_unlock(&gate.lock);
}

static int gated_write(void *disk, uint64_t offset, const void *bytes,
		       size_t length_bytes, struct smudge_error *err)
{
	pass_gate();
	return older.disk.ops.write(disk, offset, bytes, length_bytes, err);
}

static void close_gate(unsigned int at)
{
	pthread_mutex_lock(&gate.lock);
	gate.nwrites = 0;
	gate.closed_at = at;
	gate.is_there = gate.is_open = false;
	pthread_mutex_unlock(&gate.lock);
}

static void wait_at_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	while (!gate.is_there)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.is_open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

/* What is on the device now, for live_check of the newer one. */
static int take_snapshot(struct live *live)
{
	struct live *l = live;

	for (size_t i = 0; i < LIVE_MAX_SNAPSHOTS; i++) {
		if (l->snapshots[i].number != l->last.number)
			continue;
		memory_disk_close(&l->snapshots[i].disk);
		memory_disk_snapshot(&older.disk, &l->snapshots[i].disk);
	}
	return 0;
}

static void open_machine(struct live *live, const char *name, uint64_t seed,
			 struct test_rng *rng)
{
	live_open(live, name, 16 * MIB, seed);
	rig_add(&live->rig, "ram", 0, 1800, 1800);
	rig_write_random(&live->rig, rng, 1800);
}

static void open_both(struct test_rng *rng)
{
	open_machine(&older, "live-older", 1, rng);
	open_machine(&newer, "live-newer", 0, rng);
	older.disk.is_shared = true;
	gate.ops = older.disk.ops;
	gate.ops.write = gated_write;
	gate.disk = (struct smudge_disk){&gate.ops, &older.disk,
					 older.disk.disk.size_bytes};
	older.rig.options.disk = &gate.disk;
	newer.rig.options.disk = &older.disk.disk;
	newer.refuse = take_snapshot;
	newer.others_stop_ns = STOP_NS;
	live_create(&older);
	live_create(&newer);
}

static void close_both(void)
{
	rig_destroy(&newer.rig);
	rig_destroy(&older.rig);
	live_close(&newer);
	live_close(&older);
}

static void last_page(uint8_t page[PAGE])
{
	struct memory_disk *d = &older.disk;

	pthread_mutex_lock(&d->lock);
	memcpy(page, d->bytes + d->disk.size_bytes - PAGE, PAGE);
	pthread_mutex_unlock(&d->lock);
}

/* Until another mark than @was is on the device. */
static void wait_for_mark(const uint8_t was[PAGE])
{
	uint8_t page[PAGE];

	do {
		usleep(500);
		last_page(page);
	} while (memcmp(was, page, PAGE) == 0);
}

static void expect_lost(uint64_t ticket)
{
	struct smudge_error err;

	assert_int_equal(
		smudge_checkpointer_wait(older.rig.cp, ticket, NULL, &err),
		-EBUSY);
	assert_non_null(strstr(err.message, "another program began to write"));
	live_drop_snapshots(&older);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The one that is at a write when the other one comes. */
static void in_the_middle(unsigned int closed_at, struct test_rng *rng)
{
	struct rig_moment moment;
	uint8_t mark[PAGE];
	uint64_t tickets[2], second_ns;
	bool is_late;

	rig_write_random(&older.rig, rng, 300);
	rig_write_random(&newer.rig, rng, 300);
	close_gate(closed_at);
	tickets[0] = rig_save(&older.rig);
	wait_at_gate();
	last_page(mark);
	second_ns = now_ns();
	tickets[1] = rig_save(&newer.rig);
	moment = rig_take_moment(&newer.rig);
	wait_for_mark(mark);
	open_gate();
	expect_lost(tickets[0]);
	/* Else a busy machine let the newer one begin before. */
	is_late = now_ns() - second_ns >= BUSY_STOP_NS;
	if (is_late)
		(void)!smudge_checkpointer_wait(newer.rig.cp, tickets[1], NULL,
						NULL);
	else
		live_check(&newer, tickets[1], &moment, NULL);
	live_drop_snapshots(&newer);
	rig_free_moment(&moment);
}

static void while_it_writes(void **state)
{
	struct test_rng rng = test_rng_start("live_owners writes");
	struct smudge_layer_info info;

	open_both(&rng);
	/* Its first page behind the mark, one later, and the tail. */
	for (unsigned int i = 2; i < 5; i++) {
		in_the_middle(i, &rng);
		/* It has the device again, with a full one. */
		close_gate(0);
		live_checkpoint(&older, &info);
		assert_true(info.is_full);
		rig_destroy(&newer.rig);
		live_create(&newer);
	}
	close_both();
}

/*
 * One write of pages that lie together may be many calls, if zeros are among
 * them: before each one it looks, not only before the first.
 */
static void between_pages_and_zeros(void **state)
{
	struct test_rng rng = test_rng_start("live_owners pieces");
	struct rig_region *ram = &older.rig.regions[0];
	struct smudge_layer_info info;
	uint8_t mark[PAGE];
	uint64_t tickets[2];

	open_both(&rng);
	live_checkpoint(&older, &info);
	/* From now on 32 pages, and 32 of zeros. */
	for (size_t page = 0; page < 1024; page++) {
		rig_write(&older.rig, ram, page, 1);
		if (page / 32 % 2)
			memset(ram->bytes + page * PAGE, 0, PAGE);
	}
	close_gate(3);
	tickets[0] = rig_save(&older.rig);
	wait_at_gate();
	last_page(mark);
	tickets[1] = rig_save(&newer.rig);
	wait_for_mark(mark);
	usleep(SMI_DISK_OTHERS_STOP_NS / 1000);
	open_gate();
	expect_lost(tickets[0]);
	/* The one that was under way is the last. */
	assert_int_equal(gate.nwrites, 3);
	assert_int_equal(
		smudge_checkpointer_wait(newer.rig.cp, tickets[1], NULL, NULL),
		0);
	live_drop_snapshots(&newer);
	close_both();
}

/* In committed: the other one comes, and its mark is on the device. */
static int let_the_other_come(struct live *live)
{
	pthread_mutex_lock(&gate.lock);
	gate.nwrites = 0;
	gate.closed_at = 1;
	pthread_mutex_unlock(&gate.lock);
	pass_gate();
	return 0;
}

static void while_its_snapshot_is_taken(void **state)
{
	struct test_rng rng = test_rng_start("live_owners snapshot");
	struct smudge_layer_info info;
	struct rig_moment moment;
	struct smudge_error err;
	uint8_t footer[PAGE];
	uint64_t tickets[2];

	open_both(&rng);
	older.refuse = let_the_other_come;
	close_gate(0);
	tickets[0] = rig_save(&older.rig);
	wait_at_gate();
	last_page(footer);
	tickets[1] = rig_save(&newer.rig);
	moment = rig_take_moment(&newer.rig);
	wait_for_mark(footer);
	open_gate();
	expect_lost(tickets[0]);
	live_check(&newer, tickets[1], &moment, NULL);
	rig_free_moment(&moment);
	older.refuse = NULL;
	/* They take turns: who comes back finds the other one's. */
	live_checkpoint(&older, &info);
	assert_true(info.is_full);
	assert_int_equal(live_try(&newer, &err), -ENOENT);
	live_checkpoint(&older, &info);
	assert_false(info.is_full);
	close_both();
}

/* One that was killed leaves its mark: the next one waits, and is whole. */
static void a_mark_that_was_left(void **state)
{
	struct test_rng rng = test_rng_start("live_owners left");
	struct smudge_layer_info info;
	uint64_t began_ns;

	open_machine(&older, "live-left", 1, &rng);
	live_create(&older);
	older.disk.fail = (struct memory_disk_when){4, -EIO};
	assert_int_equal(live_try(&older, &(struct smudge_error){.code = 0}),
			 -EIO);
	memory_disk_heal(&older.disk);
	rig_destroy(&older.rig);
	older.others_stop_ns = STOP_NS;
	live_create(&older);
	began_ns = now_ns();
	live_checkpoint(&older, &info);
	assert_true(now_ns() - began_ns >= BUSY_STOP_NS);
	/* Its own is none. */
	older.rig.cp->target->others_stop_ns = UINT64_C(3600000000000);
	rig_write_random(&older.rig, &rng, 30);
	live_checkpoint(&older, &info);
	assert_false(info.is_full);
	live_close(&older);
}

/* Waiting for others ends when the save is cancelled. */
static void cancelled_while_others_stop(void **state)
{
	struct test_rng rng = test_rng_start("live_owners cancel");
	uint8_t page[PAGE];
	struct smudge_error err;
	uint64_t ticket;

	open_machine(&older, "live-cancel", 1, &rng);
	older.others_stop_ns = UINT64_C(3600000000000);
	live_create(&older);
	last_page(page);
	ticket = rig_save(&older.rig);
	wait_for_mark(page);
	smudge_checkpointer_cancel(older.rig.cp);
	assert_int_equal(
		smudge_checkpointer_wait(older.rig.cp, ticket, NULL, &err),
		-ECANCELED);
	live_close(&older);
}

TEST_MAIN(while_it_writes, between_pages_and_zeros, while_its_snapshot_is_taken,
	  a_mark_that_was_left, cancelled_while_others_stop)
