/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh that create what the others use, and the
 * two that end it.
 */
#include "support.h"

#include "afresh_calls.h"

#include <smudge/smudge.h>

#include "fake_source.h"
#include "idle_source.h"

static struct smudge_memory *new_memory(void)
{
	struct smudge_memory *memory;

	assert_int_equal(smudge_memory_create(&memory), 0);
	return memory;
}

int afresh_batch_create(bool fails, struct smudge_error *err)
{
	struct smudge_batch *batch;
	int ret = smudge_batch_create(fails ? SIZE_MAX : 0, &batch, err);

	if (ret == 0)
		assert_int_equal(smudge_batch_destroy(batch), 0);
	return ret;
}

int afresh_bitmap_create(bool fails, struct smudge_error *err)
{
	struct smudge_bitmap *bitmap;
	int ret = smudge_bitmap_create(fails ? 0 : 64, &bitmap, err);

	if (ret == 0)
		smudge_bitmap_destroy(bitmap);
	return ret;
}

int afresh_memory_destroy(bool fails, struct smudge_error *err)
{
	struct smudge_memory *memory = new_memory();
	struct smudge_region *region = fake_region(memory, 0, 1);
	int ret;

	if (fails)
		smudge_region_hold(region);
	ret = smudge_memory_destroy(memory, err);
	if (ret < 0) {
		smudge_region_release(region);
		assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	}
	return ret;
}

int afresh_region_add(bool fails, struct smudge_error *err)
{
	struct smudge_memory *memory = new_memory();
	struct smudge_region_options o = {.size = sizeof(o),
					  .name = "ram",
					  .hva = (void *)4096,
					  .size_bytes = fails ? 1 : 4096};
	struct smudge_region *region;
	int ret = smudge_region_add(memory, &o, &region, err);

	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	return ret;
}

int afresh_region_remove(bool fails, struct smudge_error *err)
{
	struct smudge_memory *memory = new_memory();
	struct smudge_region *region = fake_region(memory, 0, 1);
	int ret;

	if (fails)
		smudge_region_hold(region);
	ret = smudge_region_remove(region, err);
	if (ret < 0)
		smudge_region_release(region);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	return ret;
}

int afresh_source_create(bool fails, struct smudge_error *err)
{
	const struct smudge_source_ops ops = {.size = sizeof(ops),
					      .name = fails ? NULL : "source",
					      .start = idle_start,
					      .stop = idle_stop,
					      .harvest = idle_harvest};
	struct smudge_source *source;
	int ret = smudge_source_create(&ops, NULL, &source, err);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int collect(void *opaque, struct smudge_error *err)
{
	return 0;
}

int afresh_hub_create(bool fails, struct smudge_error *err)
{
	const struct smudge_hub_ops ops = {.size = sizeof(ops),
					   .name = "hub",
					   .collect = fails ? NULL : collect};
	struct smudge_hub *hub;
	int ret = smudge_hub_create(&ops, NULL, &hub, err);

	if (ret == 0)
		smudge_hub_destroy(hub);
	return ret;
}

int afresh_hub_join(bool fails, struct smudge_error *err)
{
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops), .name = "hub", .collect = collect};
	const struct smudge_hub_member_options o = {
		.size = sizeof(o), .npages = !fails, .page_shift = 12};
	struct smudge_hub_member *member;
	struct smudge_source *source;
	struct smudge_hub *hub;
	int ret;

	assert_int_equal(smudge_hub_create(&ops, NULL, &hub, NULL), 0);
	ret = smudge_hub_join(hub, &o, &source, &member, err);
	if (ret == 0)
		smudge_source_destroy(source);
	smudge_hub_destroy(hub);
	return ret;
}

int afresh_migration_create(bool fails, struct smudge_error *err)
{
	const struct smudge_migrate_limits limits = {
		.size = fails ? 1 : sizeof(limits)};
	struct smudge_migration *migration;
	int ret = smudge_migration_create(&limits, &migration, err);

	if (ret == 0)
		smudge_migration_destroy(migration);
	return ret;
}

int afresh_migration_set_limits(bool fails, struct smudge_error *err)
{
	const struct smudge_migrate_limits limits = {
		.size = fails ? 1 : sizeof(limits)};
	struct smudge_migration *migration;
	int ret;

	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	ret = smudge_migration_set_limits(migration, &limits, err);
	smudge_migration_destroy(migration);
	return ret;
}

static void write_nothing(const struct smudge_log_message *message,
			  void *opaque)
{
}

int afresh_log_open(bool fails, struct smudge_error *err)
{
	const struct smudge_log_options o = {
		.size = sizeof(o), .write = fails ? NULL : write_nothing};
	struct smudge_log *log;
	int ret = smudge_log_open(&o, &log, err);

	if (ret == 0)
		smudge_log_close(log);
	return ret;
}
