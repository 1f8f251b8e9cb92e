/* SPDX-License-Identifier: MIT */
/*
 * I/O into pinned pages beside harvests. Without a rule writes are lost, in
 * the same run, which shows that the test can fail; with either of the two
 * rules of memory.h (PINNED I/O) none is: the completion is marked, or only
 * harvests while nothing is in flight re-arm. A buffer that stays pinned
 * knows the first rule only.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pinned_calls.h"
#include "track.h"

#define NPAGES	   1024
#define BYTES	   (NPAGES * 4096)
#define NROUNDS	   25
#define MAX_ROUNDS 500 /* without a rule, until a write is lost */

enum rule {
	NO_RULE,
	MARK_WHEN_DONE,
	REARM_WHEN_QUIESCED
};

struct fixture {
	struct track track;
	struct smudge_source *source;
	struct smudge_client *client;
	struct pinned_target target;
	const struct pinned_call *call;
	uint8_t *copy;
	atomic_bool is_done;
	int result;
};

static uint8_t *map(int flags)
{
	uint8_t *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			   flags | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static void open_fixture(struct fixture *f, int flags)
{
	struct smudge_error err = {0};

	test_need_uffd();
	memset(f, 0, sizeof(*f));
	f->target.fd = pinned_open_file(BYTES);
	if (f->target.fd < 0)
		test_skip_without("odirect", strerror(-f->target.fd));
	f->target.size_bytes = BYTES;
	f->target.ram = map(flags);
	f->target.filled = map(MAP_PRIVATE);
	f->copy = map(MAP_PRIVATE);
	memset(f->target.filled, PINNED_FILL, BYTES);
	track_open(&f->track, f->target.ram, 0, NPAGES, 12);
	assert_int_equal(smudge_uffd_create(&f->source, &err), 0);
	track_attach(&f->track, f->source, 0, 0);
}

static void close_fixture(struct fixture *f)
{
	smudge_source_destroy(f->source);
	track_close(&f->track);
	munmap(f->target.ram, BYTES);
	munmap(f->target.filled, BYTES);
	munmap(f->copy, BYTES);
	close(f->target.fd);
}

static void *transfer(void *opaque)
{
	struct fixture *f = opaque;

	f->result = f->call->transfer(&f->target);
	/* Release: pairs with the acquire in copy_meanwhile. */
	atomic_store_explicit(&f->is_done, true, memory_order_release);
	return NULL;
}

/* Take what is dirty and copy it. */
static void copy_dirty(struct fixture *f)
{
	struct track *t = &f->track;

	assert_int_equal(smudge_client_take(f->client, t->region, 0, NPAGES,
					    t->batch, NULL),
			 0);
	for (size_t i = 0; i < smudge_batch_nruns(t->batch); i++) {
		struct smudge_run run = smudge_batch_run(t->batch, i);

		memcpy(f->copy + run.first_page * 4096,
		       f->target.ram + run.first_page * 4096,
		       run.npages * 4096);
	}
	assert_int_equal(smudge_client_commit(f->client, t->batch), 0);
}

/* Nothing is in flight: memory and copy are equal, and all is clean. */
static void make_equal(struct fixture *f, enum rule rule)
{
	memset(f->target.ram, 'O', BYTES);
	if (rule == REARM_WHEN_QUIESCED)
		track_harvest_quiesced(&f->track);
	else
		track_harvest(&f->track);
	track_clean(&f->track, f->client);
	memset(f->copy, 'O', BYTES);
}

/* Copy until the transfer, which runs beside it, has ended. */
static void copy_meanwhile(struct fixture *f)
{
	bool is_done;

	do {
		/* The last pass begins when the transfer has ended. */
		is_done =
			atomic_load_explicit(&f->is_done, memory_order_acquire);
		track_harvest(&f->track); /* a look, beside rule 2's client */
		copy_dirty(f);
	} while (!is_done);
}

/* Once it has ended, what the rule asks for. */
static void follow(struct fixture *f, enum rule rule)
{
	if (rule == MARK_WHEN_DONE)
		smudge_region_mark(f->track.region, 0, NPAGES);
	if (rule == REARM_WHEN_QUIESCED)
		track_harvest_quiesced(&f->track);
	copy_dirty(f);
}

static void open_client(struct fixture *f, enum rule rule)
{
	f->client = track_client_with(&f->track, "test",
				      rule == REARM_WHEN_QUIESCED
					      ? SMUDGE_REARM_QUIESCED
					      : SMUDGE_REARM_ALWAYS);
}

/*
 * The client is open before the transfer begins, or is opened while it is in
 * flight. Return: true when the copy is wrong and the page is clean.
 */
static bool a_round(struct fixture *f, enum rule rule, bool opens_late)
{
	pthread_t thread;

	if (opens_late)
		memset(f->target.ram, 'O', BYTES);
	else
		make_equal(f, rule);
	atomic_store_explicit(&f->is_done, false, memory_order_relaxed);
	assert_int_equal(pthread_create(&thread, NULL, transfer, f), 0);
	if (opens_late)
		open_client(f, rule);
	copy_meanwhile(f);
	pthread_join(thread, NULL);
	assert_int_equal(f->result, 0);
	follow(f, rule);
	if (opens_late)
		assert_int_equal(smudge_client_close(f->client), 0);
	assert_int_equal(f->target.ram[0], PINNED_FILL);
	return memcmp(f->copy, f->target.ram, BYTES) != 0;
}

static int count_lost(struct fixture *f, enum rule rule, bool opens_late)
{
	int max_rounds = rule == NO_RULE && !f->call->is_brief ? MAX_ROUNDS : 0;
	int nlost = 0, round;

	if (!opens_late)
		open_client(f, rule);
	for (round = 0; round < NROUNDS || (!nlost && round < max_rounds);
	     round++)
		nlost += a_round(f, rule, opens_late);
	if (!opens_late)
		assert_int_equal(smudge_client_close(f->client), 0);
	printf("# %s, %s%s: %d of %d lost\n", f->call->name,
	       rule == NO_RULE		? "no rule"
	       : rule == MARK_WHEN_DONE ? "marked when done"
					: "re-armed when quiesced",
	       opens_late ? ", opened in flight" : "", nlost, round);
	return nlost;
}

/* Return: false when the call pins nothing here. */
static bool check_call(struct fixture *f)
{
	int ret = f->call->open(&f->target);
	int lost;

	if (ret < 0) {
		printf("# %s cannot be had: %s\n", f->call->name,
		       strerror(-ret));
		return false;
	}
	lost = count_lost(f, NO_RULE, false);
	assert_int_equal(count_lost(f, MARK_WHEN_DONE, false), 0);
	if (f->call->stays_pinned)
		/* Only printed: the rule is not for such buffers. */
		count_lost(f, REARM_WHEN_QUIESCED, false);
	else
		assert_int_equal(count_lost(f, REARM_WHEN_QUIESCED, false), 0);
	f->call->close(&f->target);
	return lost > 0;
}

static void check_calls(int flags)
{
	struct fixture f;
	size_t npinning = 0;

	open_fixture(&f, flags);
	for (size_t i = 0; i < npinned_calls; i++) {
		f.call = &pinned_calls[i];
		npinning += check_call(&f);
	}
	close_fixture(&f);
	if (!npinning)
		test_skip_without("odirect", "nothing was lost without a rule");
}

static void test_private(void **state)
{
	check_calls(MAP_PRIVATE);
}

static void test_shared(void **state)
{
	check_calls(MAP_SHARED);
}

/* What was pinned before its page was armed is reported by nothing. */
static void test_opened_in_flight(void **state)
{
	struct fixture f;
	int lost;

	open_fixture(&f, MAP_PRIVATE);
	f.call = &pinned_calls[0];
	assert_int_equal(f.call->open(&f.target), 0);
	lost = count_lost(&f, NO_RULE, true);
	assert_int_equal(count_lost(&f, REARM_WHEN_QUIESCED, true), 0);
	f.call->close(&f.target);
	close_fixture(&f);
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
	struct iovec iov;
	struct fixture f;
	int ends[2];

	open_fixture(&f, MAP_PRIVATE);
	open_client(&f, NO_RULE);
	make_equal(&f, NO_RULE);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], f.target.filled, 8192), 8192);
	iov = (struct iovec){f.target.ram + 10 * 4096, 8192};
	assert_int_equal(vmsplice(ends[0], &iov, 1, 0), 8192);
	assert_int_equal(f.target.ram[11 * 4096], PINNED_FILL);
	track_harvest(&f.track);
	track_expect(&f.track, f.client, 10, 11);
	track_clean(&f.track, f.client);
	iov = (struct iovec){f.target.ram + 20 * 4096, 8192};
	assert_int_equal(vmsplice(ends[1], &iov, 1, SPLICE_F_GIFT), 8192);
	assert_int_equal(read(ends[0], f.copy, 8192), 8192);
	assert_int_equal(f.copy[0], 'O');
	track_harvest(&f.track);
	track_expect_none(&f.track, f.client);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(smudge_client_close(f.client), 0);
	close_fixture(&f);
}

TEST_MAIN(test_private, test_shared, test_opened_in_flight, test_vmsplice)
