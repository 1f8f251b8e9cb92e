/* SPDX-License-Identifier: MIT */
/*
 * The rig of the migration tests. The writer is in the place of a guest: it
 * writes at any time, marks after each write, and stops only in machine_stop.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_BYTE(i) ((uint8_t)((i)*7 + 3))

static size_t region_bytes(const struct rig *rig, size_t index)
{
	return rig->npages[index] << rig->page_shift;
}

static void open_side(const struct rig *rig, struct rig_side *side)
{
	static const char *const names[] = {"ram", "vram"};

	assert_int_equal(smudge_memory_create(&side->memory), 0);
	for (size_t i = 0; i < RIG_REGIONS; i++) {
		struct smudge_region_options options = {
			.size = sizeof(options),
			.name = names[i],
			.gpa = i << 40,
			.size_bytes = region_bytes(rig, i),
			.page_shift = rig->page_shift,
		};

		side->hva[i] =
			mmap(NULL, region_bytes(rig, i), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(side->hva[i] != MAP_FAILED);
		options.hva = side->hva[i];
		assert_int_equal(smudge_region_add(side->memory, &options,
						   &side->regions[i], NULL),
				 0);
	}
}

static void close_side(const struct rig *rig, struct rig_side *side)
{
	for (size_t i = 0; i < RIG_REGIONS; i++) {
		assert_int_equal(smudge_region_remove(side->regions[i], NULL),
				 0);
		munmap(side->hva[i], region_bytes(rig, i));
	}
	assert_int_equal(smudge_memory_destroy(side->memory, NULL), 0);
}

void rig_open(struct rig *rig, const char *test_name)
{
	if (!rig->page_shift) {
		rig->page_shift = 12;
		rig->npages[0] = 2048;
		rig->npages[1] = 64;
	}
	rig->rng = test_rng_start(test_name);
	rig->state_bytes = 1000;
	open_side(rig, &rig->source);
	open_side(rig, &rig->destination);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, rig->fds),
		0);
	assert_int_equal(smudge_migration_create(NULL, &rig->sending, NULL), 0);
	assert_int_equal(smudge_migration_create(NULL, &rig->receiving, NULL),
			 0);
	pthread_mutex_init(&rig->lock, NULL);
	pthread_cond_init(&rig->changed, NULL);
}

void rig_close_destination(struct rig *rig)
{
	if (rig->fds[1] >= 0)
		close(rig->fds[1]);
	rig->fds[1] = -1;
}

void rig_close(struct rig *rig)
{
	close(rig->fds[0]);
	rig_close_destination(rig);
	close_side(rig, &rig->source);
	close_side(rig, &rig->destination);
	smudge_migration_destroy(rig->sending);
	smudge_migration_destroy(rig->receiving);
	pthread_mutex_destroy(&rig->lock);
	pthread_cond_destroy(&rig->changed);
}

static int load_state(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	struct rig *rig = opaque;
	const uint8_t *state = bytes;

	if (rig->load_error)
		return smudge_error_set(err, rig->load_error, "test",
					"this state is of another machine");
	rig->state_is_right = length == rig->state_bytes;
	for (size_t i = 0; i < length; i++)
		rig->state_is_right &= state[i] == STATE_BYTE(i);
	return 0;
}

static void *receive(void *opaque)
{
	struct rig *rig = opaque;
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.opaque = rig,
		.state_load = load_state,
	};

	rig->receive_error = smudge_migrate_receive(
		rig->receiving, rig->destination.memory, rig->fds[1], &options,
		&rig->receive_err);
	return NULL;
}

void rig_start_receiver(struct rig *rig)
{
	assert_int_equal(pthread_create(&rig->receiver, NULL, receive, rig), 0);
}

void rig_join_receiver(struct rig *rig)
{
	assert_int_equal(pthread_join(rig->receiver, NULL), 0);
}

/* Stand while halted. */
static void wait_while_halted(struct rig *rig)
{
	pthread_mutex_lock(&rig->lock);
	while (rig->is_halted) {
		rig->is_standing = true;
		pthread_cond_broadcast(&rig->changed);
		pthread_cond_wait(&rig->changed, &rig->lock);
	}
	rig->is_standing = false;
	pthread_mutex_unlock(&rig->lock);
}

static void write_once(struct rig *rig)
{
	size_t index = test_rng_below(&rig->rng, 8) == 0;
	uint64_t page = test_rng_below(&rig->rng, rig->npages[index]);
	uint64_t word = test_rng_below(&rig->rng, 512);
	_Atomic uint64_t *at = (_Atomic uint64_t *)(rig->source.hva[index] +
						    (page << rig->page_shift)) +
			       word;
	/* Zeros now and then, so that pages become zero again. */
	uint64_t value =
		test_rng_below(&rig->rng, 4) ? test_rng_next(&rig->rng) : 0;

	/* relaxed: the mark is what publishes it */
	atomic_store_explicit(at, value, memory_order_relaxed);
	smudge_region_mark(rig->source.regions[index], page, 1);
	atomic_fetch_add_explicit(&rig->writes, 1, memory_order_relaxed);
}

static void *write_on(void *opaque)
{
	struct rig *rig = opaque;

	while (!atomic_load_explicit(&rig->writer_ends, memory_order_relaxed)) {
		wait_while_halted(rig);
		for (int i = 0; i < 64; i++)
			write_once(rig);
	}
	return NULL;
}

void rig_start_writer(struct rig *rig)
{
	atomic_store_explicit(&rig->writer_ends, false, memory_order_relaxed);
	assert_int_equal(pthread_create(&rig->writer, NULL, write_on, rig), 0);
}

static void set_halted(struct rig *rig, bool halted, bool wait)
{
	pthread_mutex_lock(&rig->lock);
	rig->is_halted = halted;
	pthread_cond_broadcast(&rig->changed);
	while (wait && rig->writer && !rig->is_standing)
		pthread_cond_wait(&rig->changed, &rig->lock);
	pthread_mutex_unlock(&rig->lock);
}

void rig_end_writer(struct rig *rig)
{
	atomic_store_explicit(&rig->writer_ends, true, memory_order_relaxed);
	set_halted(rig, false, false);
	assert_int_equal(pthread_join(rig->writer, NULL), 0);
	rig->writer = 0;
}

static int machine_stop(void *opaque)
{
	struct rig *rig = opaque;

	rig->stops++;
	set_halted(rig, true, true);
	return rig->stop_error;
}

static void machine_resume(void *opaque)
{
	struct rig *rig = opaque;

	rig->resumes++;
	set_halted(rig, false, false);
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	struct rig *rig = opaque;
	uint8_t *state;

	if (rig->save_error)
		return rig->save_error;
	state = malloc(rig->state_bytes);
	if (!state)
		return -ENOMEM;
	for (size_t i = 0; i < rig->state_bytes; i++)
		state[i] = STATE_BYTE(i);
	*ret_bytes = state;
	*ret_length = rig->state_bytes;
	return 0;
}

/* A busy machine may give the writer no turn in a whole round. */
static void wait_for_writer(struct rig *rig)
{
	unsigned long before =
		atomic_load_explicit(&rig->writes, memory_order_relaxed);

	while (rig->writer &&
	       atomic_load_explicit(&rig->writes, memory_order_relaxed) ==
		       before)
		usleep(100);
}

enum smudge_migrate_decision
rig_policy(const struct smudge_migrate_stats *stats,
	   const struct smudge_migrate_limits *limits, void *opaque)
{
	struct rig *rig = opaque;

	wait_for_writer(rig);
	rig->at_policy = *stats;
	if (stats->dirty_pages_ps > rig->most_dirty_ps)
		rig->most_dirty_ps = stats->dirty_pages_ps;
	return (int)stats->round < rig->rounds_wanted ? SMUDGE_MIGRATE_CONTINUE
						      : SMUDGE_MIGRATE_SWITCH;
}

struct smudge_migrate_stats rig_stats(struct smudge_migration *migration)
{
	struct smudge_migrate_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_migration_stats(migration, &stats), 0);
	return stats;
}

struct smudge_migrate_send_options rig_send_options(struct rig *rig)
{
	return (struct smudge_migrate_send_options){
		.size = sizeof(struct smudge_migrate_send_options),
		.opaque = rig,
		.machine_stop = machine_stop,
		.machine_resume = machine_resume,
		.state_save = state_save,
		.policy = rig->rounds_wanted ? rig_policy : NULL,
	};
}

int rig_send(struct rig *rig, const struct smudge_migrate_send_options *with)
{
	struct smudge_migrate_send_options options = rig_send_options(rig);

	return smudge_migrate_send(rig->sending, rig->source.memory,
				   rig->fds[0], with ? with : &options,
				   &rig->send_err);
}

static void *send_on(void *opaque)
{
	struct rig *rig = opaque;

	rig->send_error = rig_send(rig, NULL);
	return NULL;
}

void rig_start_sender(struct rig *rig)
{
	assert_int_equal(pthread_create(&rig->sender, NULL, send_on, rig), 0);
}

void rig_join_sender(struct rig *rig)
{
	assert_int_equal(pthread_join(rig->sender, NULL), 0);
}

void rig_assert_went_back(struct rig *rig, int error, const char *words)
{
	struct smudge_migrate_stats stats = rig_stats(rig->sending);

	if (rig->send_error != error || !strstr(rig->send_err.message, words))
		fail_msg("got %d \"%s\", expected %d \"%s\"", rig->send_error,
			 rig->send_err.message, error, words);
	assert_int_equal(rig->send_err.code, error);
	assert_int_equal(rig->resumes, rig->stops);
	assert_int_equal(stats.phase, error == -ECANCELED
					      ? SMUDGE_MIGRATE_CANCELLED
					      : SMUDGE_MIGRATE_FAILED);
	rig_assert_untracked(rig);
}

void rig_assert_was_prompt(struct rig *rig)
{
	struct smudge_migrate_stats stats = rig_stats(rig->sending);

	assert_true(stats.elapsed_ns < UINT64_C(25000000000));
}

void rig_assert_untracked(struct rig *rig)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_memory_stats(rig->source.memory, &stats), 0);
	assert_int_equal(stats.nclients, 0);
	assert_int_equal(stats.nsources_running, 0);
	assert_int_equal(stats.bitmap_bytes, 0);
}

void rig_assert_equal(struct rig *rig)
{
	for (size_t i = 0; i < RIG_REGIONS; i++)
		if (memcmp(rig->source.hva[i], rig->destination.hva[i],
			   region_bytes(rig, i)))
			fail_msg("region %zu differs", i);
}
