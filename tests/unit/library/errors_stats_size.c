/* SPDX-License-Identifier: MIT */
/*
 * Statistics structs too small for the first version: -EINVAL, not written.
 * Those of the first version are filled, and nothing beyond them.
 */
#include "support.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <smudge/code.h>
#include <smudge/forecast.h>
#include <smudge/migrate.h>

#include "display_rig.h"
#include "fake_source.h"
#include "source/kvm_ring.h"

static int memory_stats(void *memory, void *stats)
{
	return smudge_memory_stats(memory, stats);
}

static int source_stats(void *source, void *stats)
{
	return smudge_source_stats(source, stats);
}

static int code_stats(void *code, void *stats)
{
	return smudge_code_stats(code, stats);
}

static int display_stats(void *display, void *stats)
{
	return smudge_display_stats(display, stats);
}

static int migration_stats(void *migration, void *stats)
{
	return smudge_migration_stats(migration, stats);
}

static int migration_limits(void *migration, void *limits)
{
	return smudge_migration_limits(migration, limits);
}

/* What is asked is the same whatever the size of the answer. */
static int forecast(void *options, void *answer)
{
	return smudge_migrate_forecast(options, answer, NULL);
}

static int kvm_ring_stats(void *ring, void *stats)
{
	return smudge_kvm_ring_stats(ring, stats);
}

struct stats_call {
	int (*call)(void *object, void *stats);
	size_t first_version_bytes; /* of the struct, with its size in front */
	size_t bytes;
};

static const struct stats_call memory_call = {
	memory_stats, offsetof(struct smudge_memory_stats, looks),
	sizeof(struct smudge_memory_stats)};
static const struct stats_call source_call = {
	source_stats, offsetof(struct smudge_source_stats, looks),
	sizeof(struct smudge_source_stats)};
static const struct stats_call kvm_ring_call = {
	kvm_ring_stats, sizeof(struct smudge_kvm_ring_stats),
	sizeof(struct smudge_kvm_ring_stats)};
static const struct stats_call code_call = {code_stats,
					    sizeof(struct smudge_code_stats),
					    sizeof(struct smudge_code_stats)};
static const struct stats_call display_call = {
	display_stats, sizeof(struct smudge_display_stats),
	sizeof(struct smudge_display_stats)};

static const struct stats_call migration_call = {
	migration_stats, sizeof(struct smudge_migrate_stats),
	sizeof(struct smudge_migrate_stats)};
static const struct stats_call limits_call = {
	migration_limits, sizeof(struct smudge_migrate_limits),
	sizeof(struct smudge_migrate_limits)};
static const struct stats_call forecast_call = {forecast,
						sizeof(struct smudge_forecast),
						sizeof(struct smudge_forecast)};

#define UNWRITTEN 0x5a

static void refuses(const struct stats_call *call, void *object, size_t size)
{
	uint8_t stats[512], before[512];

	assert_true(call->bytes <= sizeof(stats));
	memset(stats, UNWRITTEN, sizeof(stats));
	memcpy(stats, &size, sizeof(size));
	memcpy(before, stats, sizeof(stats));
	assert_int_equal(call->call(object, stats), -EINVAL);
	assert_memory_equal(stats, before, sizeof(stats));
}

static void fills(const struct stats_call *call, void *object, size_t size)
{
	uint8_t stats[512], unwritten[512];

	memset(stats, UNWRITTEN, sizeof(stats));
	memset(unwritten, UNWRITTEN, sizeof(unwritten));
	memcpy(stats, &size, sizeof(size));
	assert_int_equal(call->call(object, stats), 0);
	assert_memory_not_equal(stats + sizeof(size), unwritten,
				size - sizeof(size));
	assert_memory_equal(stats + size, unwritten, sizeof(stats) - size);
}

/* A newer program's struct: what this library does not know stays. */
static void unknown_stay(const struct stats_call *call, void *object)
{
	size_t size = call->bytes + 8;
	uint8_t stats[512];

	memset(stats, UNWRITTEN, sizeof(stats));
	memcpy(stats, &size, sizeof(size));
	assert_int_equal(call->call(object, stats), 0);
	assert_memory_equal(stats, &size, sizeof(size));
	for (size_t i = call->bytes; i < sizeof(stats); i++)
		assert_int_equal(stats[i], UNWRITTEN);
}

static void sizes_of(const struct stats_call *call, void *object)
{
	refuses(call, object, 0);
	refuses(call, object, 8);
	refuses(call, object, call->first_version_bytes - 1);
	fills(call, object, call->first_version_bytes);
	fills(call, object, call->bytes);
	unknown_stay(call, object);
}

static void test_memory_and_source(void **state)
{
	struct smudge_memory *memory;
	struct fake_source fake;

	assert_int_equal(smudge_memory_create(&memory), 0);
	fake_create(&fake, false);
	sizes_of(&memory_call, memory);
	sizes_of(&source_call, fake.source);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_code(void **state)
{
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_memory *memory;
	struct smudge_code *code;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_code_open(memory, &options, &code, NULL), 0);
	sizes_of(&code_call, code);
	smudge_code_close(code);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_migration(void **state)
{
	struct smudge_migration *migration;

	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	sizes_of(&migration_call, migration);
	sizes_of(&limits_call, migration);
	smudge_migration_destroy(migration);
}

static void test_forecast(void **state)
{
	const struct smudge_working_set window = {1, 1};
	struct smudge_forecast_options options = {.size = sizeof(options),
						  .line_bandwidth_bytes_ps = 1,
						  .total_pages = 1,
						  .working_set = &window,
						  .nworking_set = 1};

	sizes_of(&forecast_call, &options);
}

static void test_display(void **state)
{
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 400, 100, 100));
	sizes_of(&display_call, rig.display);
	rig_stop(&rig);
}

/* Of no virtual machine. */
static void test_kvm_ring(void **state)
{
	struct smudge_kvm_ring ring = {.vm_fd = -1};

	pthread_mutex_init(&ring.lock, NULL);
	sizes_of(&kvm_ring_call, &ring);
	pthread_mutex_destroy(&ring.lock);
}

TEST_MAIN(test_memory_and_source, test_code, test_migration, test_forecast,
	  test_display, test_kvm_ring)
