/* SPDX-License-Identifier: MIT */
/*
 * One thread transfers, the other one harvests and copies without a pause.
 */
#include "pinned_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t size_of(const struct pinned_rig *rig)
{
	return rig->kind->npages * 4096;
}

static uint8_t *map(const struct pinned_rig *rig, int flags)
{
	uint8_t *at = mmap(NULL, size_of(rig), PROT_READ | PROT_WRITE,
			   flags | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

void pinned_rig_open(struct pinned_rig *rig, const struct pinned_source *source,
		     int flags)
{
	source->need();
	memset(rig, 0, sizeof(*rig));
	rig->kind = source;
	rig->target.fd = pinned_open_file(size_of(rig));
	if (rig->target.fd < 0)
		test_skip_without("odirect", strerror(-rig->target.fd));
	rig->target.size_bytes = size_of(rig);
	rig->target.ram = map(rig, flags);
	rig->target.filled = map(rig, MAP_PRIVATE);
	rig->copy = map(rig, MAP_PRIVATE);
	memset(rig->target.filled, PINNED_FILL, size_of(rig));
	pthread_mutex_init(&rig->in_flight, NULL);
	track_open(&rig->track, rig->target.ram, 0, rig->kind->npages, 12);
	source->create(rig);
	track_attach(&rig->track, rig->source, 0, 0);
}

void pinned_rig_close(struct pinned_rig *rig)
{
	smudge_source_destroy(rig->source);
	track_close(&rig->track);
	pthread_mutex_destroy(&rig->in_flight);
	munmap(rig->target.ram, size_of(rig));
	munmap(rig->target.filled, size_of(rig));
	munmap(rig->copy, size_of(rig));
	close(rig->target.fd);
}

/* What a program does before a call that an armed page would refuse. */
static void touch(struct pinned_rig *rig)
{
	for (size_t page = 0; page < rig->kind->npages; page++) {
		volatile uint8_t *at = rig->target.ram + page * 4096;

		*at = *at; /* nothing is in flight: it changes nothing */
	}
}

static int call_once(struct pinned_rig *rig)
{
	int ret;

	if (rig->kind->refuses)
		touch(rig);
	/* Release, both: pair with the acquire in may_harvest. */
	atomic_fetch_add_explicit(&rig->calls, 1, memory_order_release);
	ret = rig->call->transfer(&rig->target);
	atomic_fetch_add_explicit(&rig->calls, 1, memory_order_release);
	return ret;
}

static int transfer_until_done(struct pinned_rig *rig)
{
	int ret = call_once(rig);

	for (; rig->kind->refuses && (ret == -EFAULT || ret == -EIO);
	     ret = call_once(rig))
		rig->nrefused++;
	return ret;
}

static void *transfer(void *opaque)
{
	struct pinned_rig *rig = opaque;

	pthread_mutex_lock(&rig->in_flight);
	rig->result = transfer_until_done(rig);
	pthread_mutex_unlock(&rig->in_flight);
	/* Release: pairs with the acquire in copy_meanwhile. */
	atomic_store_explicit(&rig->is_done, true, memory_order_release);
	return NULL;
}

/* Take what is dirty and copy it. */
static void copy_dirty(struct pinned_rig *rig)
{
	struct track *t = &rig->track;

	assert_int_equal(smudge_client_take(rig->client, t->region, 0,
					    rig->kind->npages, t->batch, NULL),
			 0);
	for (size_t i = 0; i < smudge_batch_nruns(t->batch); i++) {
		struct smudge_run run = smudge_batch_run(t->batch, i);

		memcpy(rig->copy + run.first_page * 4096,
		       rig->target.ram + run.first_page * 4096,
		       run.npages * 4096);
	}
	assert_int_equal(smudge_client_commit(rig->client, t->batch), 0);
}

void pinned_rig_make_equal(struct pinned_rig *rig, enum pinned_rule rule)
{
	memset(rig->target.ram, 'O', size_of(rig));
	if (rule == PINNED_REARM_WHEN_QUIESCED)
		track_harvest_quiesced(&rig->track);
	else
		track_harvest(&rig->track);
	track_clean(&rig->track, rig->client);
	memset(rig->copy, 'O', size_of(rig));
}

/*
 * Where an armed page refuses calls, a harvest between the store to it and the
 * call, each time, would let none succeed. So harvests are beside calls only,
 * and beside three of four.
 */
static bool may_harvest(struct pinned_rig *rig)
{
	unsigned int n =
		atomic_load_explicit(&rig->calls, memory_order_acquire);

	return !rig->kind->refuses || (n % 2 && n / 2 % 4 != 3);
}

/* Copy until the transfer, which runs beside it, has ended. */
static void copy_meanwhile(struct pinned_rig *rig)
{
	bool is_done;

	do {
		/* The last pass begins when the transfer has ended. */
		is_done = atomic_load_explicit(&rig->is_done,
					       memory_order_acquire);
		if (!is_done && !may_harvest(rig)) {
			sched_yield();
			continue;
		}
		track_harvest(&rig->track); /* a look, beside rule 2's client */
		copy_dirty(rig);
	} while (!is_done);
}

/* Once it has ended, what the rule asks for. */
static void follow(struct pinned_rig *rig, enum pinned_rule rule)
{
	if (rule == PINNED_MARK_WHEN_DONE)
		smudge_region_mark(rig->track.region, 0, rig->kind->npages);
	if (rule == PINNED_REARM_WHEN_QUIESCED)
		track_harvest_quiesced(&rig->track);
	copy_dirty(rig);
}

void pinned_rig_open_client(struct pinned_rig *rig, enum pinned_rule rule)
{
	rig->client = track_client_with(&rig->track, "test",
					rule == PINNED_REARM_WHEN_QUIESCED
						? SMUDGE_REARM_QUIESCED
						: SMUDGE_REARM_ALWAYS);
}

/* Return: true when the copy is wrong and the page is clean. */
static bool a_round(struct pinned_rig *rig, enum pinned_rule rule,
		    bool opens_late)
{
	pthread_t thread;

	if (opens_late)
		memset(rig->target.ram, 'O', size_of(rig));
	else
		pinned_rig_make_equal(rig, rule);
	atomic_store_explicit(&rig->is_done, false, memory_order_relaxed);
	atomic_store_explicit(&rig->calls, 0, memory_order_relaxed);
	assert_int_equal(pthread_create(&thread, NULL, transfer, rig), 0);
	if (opens_late)
		pinned_rig_open_client(rig, rule);
	copy_meanwhile(rig);
	pthread_join(thread, NULL);
	assert_int_equal(rig->result, 0);
	follow(rig, rule);
	if (opens_late)
		assert_int_equal(smudge_client_close(rig->client), 0);
	assert_int_equal(rig->target.ram[0], PINNED_FILL);
	return memcmp(rig->copy, rig->target.ram, size_of(rig)) != 0;
}

int pinned_rig_count_lost(struct pinned_rig *rig, enum pinned_rule rule,
			  bool opens_late)
{
	static const char *const rules[] = {
		[PINNED_NO_RULE] = "no rule",
		[PINNED_MARK_WHEN_DONE] = "marked when done",
		[PINNED_REARM_WHEN_QUIESCED] = "re-armed when quiesced",
		[PINNED_HARVEST_WAITS] = "harvests wait",
	};
	int max_rounds = rule == PINNED_NO_RULE && !rig->call->is_brief
				 ? rig->kind->max_rounds
				 : 0;
	int nrounds = (int)test_rounds((unsigned int)rig->kind->nrounds);
	int nlost = 0, round;

	rig->rule = rule;
	rig->nrefused = 0;
	if (!opens_late)
		pinned_rig_open_client(rig, rule);
	for (round = 0; round < nrounds || (!nlost && round < max_rounds);
	     round++)
		nlost += a_round(rig, rule, opens_late);
	if (!opens_late)
		assert_int_equal(smudge_client_close(rig->client), 0);
	printf("# %s, %s%s: %d of %d lost", rig->call->name, rules[rule],
	       opens_late ? ", opened in flight" : "", nlost, round);
	if (rig->kind->refuses)
		printf(", %u calls refused", rig->nrefused);
	printf("\n");
	return nlost;
}

static void check_rules(struct pinned_rig *rig)
{
	int nlost;

	nlost = pinned_rig_count_lost(rig, PINNED_MARK_WHEN_DONE, false);
	assert_int_equal(nlost, 0);
	nlost = pinned_rig_count_lost(rig, PINNED_REARM_WHEN_QUIESCED, false);
	if (rig->call->stays_pinned)
		return; /* only printed: neither rule is for such buffers */
	assert_int_equal(nlost, 0);
	assert_int_equal(rig->nrefused, 0); /* a look protects nothing */
	if (!rig->kind->can_wait)
		return;
	nlost = pinned_rig_count_lost(rig, PINNED_HARVEST_WAITS, false);
	assert_int_equal(nlost, 0);
}

/* Return: false when the call pins nothing here. */
static bool check_call(struct pinned_rig *rig)
{
	int ret = rig->call->open(&rig->target);
	int lost;

	if (ret < 0) {
		printf("# %s cannot be had: %s\n", rig->call->name,
		       strerror(-ret));
		return false;
	}
	lost = pinned_rig_count_lost(rig, PINNED_NO_RULE, false);
	check_rules(rig);
	rig->call->close(&rig->target);
	return lost > 0;
}

static int read_pipe(struct pinned_rig *rig)
{
	struct pinned_target *t = &rig->target;
	int ends[2], file = t->fd;
	int n;

	t->size_bytes = 4096;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	t->fd = ends[0];
	touch(rig);
	assert_int_equal(pinned_uring_submit(t, IORING_OP_READ), 0);
	track_harvest(&rig->track);
	track_clean(&rig->track, rig->client);
	assert_int_equal(write(ends[1], t->filled, 4096), 4096);
	n = pinned_uring_wait(t);
	t->fd = file;
	close(ends[0]);
	close(ends[1]);
	return n;
}

int pinned_rig_read_late(const struct pinned_source *source)
{
	struct pinned_rig rig;
	int ret;
	int n;

	pinned_rig_open(&rig, source, MAP_PRIVATE);
	ret = pinned_uring_open(&rig.target);
	if (ret < 0)
		test_skip_without("io_uring", strerror(-ret));
	pinned_rig_open_client(&rig, PINNED_NO_RULE);
	pinned_rig_make_equal(&rig, PINNED_NO_RULE);
	n = read_pipe(&rig);
	assert_int_equal(rig.target.ram[0], n < 0 ? 'O' : PINNED_FILL);
	track_harvest(&rig.track);
	if (n < 0)
		track_expect_none(&rig.track, rig.client);
	else /* soft-dirty: all of a huge page */
		assert_true(
			smudge_client_test(rig.client, rig.track.region, 0));
	assert_int_equal(smudge_client_close(rig.client), 0);
	pinned_uring_close(&rig.target);
	pinned_rig_close(&rig);
	return n;
}

void pinned_rig_check_calls(const struct pinned_source *source, int flags)
{
	struct pinned_rig rig;
	size_t npinning = 0;

	pinned_rig_open(&rig, source, flags);
	for (size_t i = 0; i < npinned_calls; i++) {
		rig.call = &pinned_calls[i];
		npinning += check_call(&rig);
	}
	pinned_rig_close(&rig);
	if (!npinning)
		test_skip_without("odirect", "nothing was lost without a rule");
}
