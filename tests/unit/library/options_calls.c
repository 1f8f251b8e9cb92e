/* SPDX-License-Identifier: MIT */
/*
 * The calls of options_calls.h. A call that succeeds is undone at once.
 */
#include "support.h"

#include "options_calls.h"

#include <errno.h>

#include "fake_source.h"
#include "idle_source.h"
#include "source/kvm.h"
#include "source/kvm_ring.h"
#include "sys/options.h"

#define NPAGES 64

static struct world {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_display *display;
	struct smudge_hub *hub;
	struct smudge_kvm kvm; /* of no virtual machine */
	struct smudge_kvm_ring ring;
} world;

static int nothing_to_collect(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void write_nothing(const struct smudge_log_message *message,
			  void *opaque)
{
}

static int machine_stop(void *opaque)
{
	return 0;
}

static void machine_resume(void *opaque)
{
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	return -EIO;
}

static int state_load(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	return -EIO;
}

static const struct smudge_source_ops source_ops = {.name = "source",
						    .start = idle_start,
						    .stop = idle_stop,
						    .harvest = idle_harvest};
static const struct smudge_hub_ops hub_ops = {
	.size = sizeof(hub_ops), .name = "hub", .collect = nothing_to_collect};
static const struct smudge_hub_member_options member_options = {
	.npages = 1, .page_shift = 12};
static const struct smudge_client_options client_options = {.name = "client"};
static const struct smudge_region_options region_options = {.name = "another",
							    .hva = (void *)4096,
							    .gpa = UINT64_C(1)
								   << 40,
							    .size_bytes = 4096};
static const struct smudge_code_options code_options = {.name = "code"};
static const struct smudge_display_mode mode = {
	.size = sizeof(mode), .stride_bytes = 64, .width = 16, .height = 16};
static const struct smudge_kvm_options kvm_options = {.vm_fd = -1};
static const struct smudge_kvm_ring_options kvm_ring_options = {.vm_fd = -1};
static const struct smudge_kvm_slot kvm_slot = {.size_bytes = 0};
static const struct smudge_log_options log_options = {.write = write_nothing};
static const struct smudge_soft_dirty_options soft_dirty_options = {
	.quiesce = NULL};
static uint64_t vhost_log[1];
static const struct smudge_vhost_log_options vhost_log_options = {
	.log = vhost_log, .log_bytes = sizeof(vhost_log)};
static const struct smudge_migrate_limits limits = {.max_rounds = 1};
static const struct smudge_migrate_send_options send_options = {
	.machine_stop = machine_stop,
	.machine_resume = machine_resume,
	.state_save = state_save};
static const struct smudge_migrate_receive_options receive_options = {
	.state_load = state_load};
static const struct smudge_forecast_options forecast_options = {
	.total_pages = 1, .line_bandwidth_bytes_ps = 1};

static int region_add(const void *options, struct smudge_error *err)
{
	struct smudge_region *region;
	int ret = smudge_region_add(world.memory, options, &region, err);

	if (ret == 0)
		assert_int_equal(smudge_region_remove(region, NULL), 0);
	return ret;
}

static int client_open(const void *options, struct smudge_error *err)
{
	struct smudge_client *client;
	int ret = smudge_client_open(world.memory, options, &client, err);

	if (ret == 0)
		assert_int_equal(smudge_client_close(client), 0);
	return ret;
}

static int source_create(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;
	int ret = smudge_source_create(options, NULL, &source, err);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int hub_create(const void *options, struct smudge_error *err)
{
	struct smudge_hub *hub;
	int ret = smudge_hub_create(options, NULL, &hub, err);

	if (ret == 0)
		smudge_hub_destroy(hub);
	return ret;
}

static int hub_join(const void *options, struct smudge_error *err)
{
	struct smudge_hub_member *member;
	struct smudge_source *source;
	int ret = smudge_hub_join(world.hub, options, &source, &member, err);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int code_open(const void *options, struct smudge_error *err)
{
	struct smudge_code *code;
	int ret = smudge_code_open(world.memory, options, &code, err);

	if (ret == 0)
		smudge_code_close(code);
	return ret;
}

static int display_open(const void *options, struct smudge_error *err)
{
	struct smudge_display *display;
	int ret = smudge_display_open(world.memory, world.region, options,
				      &display, err);

	if (ret == 0)
		smudge_display_close(display);
	return ret;
}

static int display_set_mode(const void *options, struct smudge_error *err)
{
	return smudge_display_set_mode(world.display, options, err);
}

static int kvm_create(const void *options, struct smudge_error *err)
{
	struct smudge_kvm *kvm;

	return smudge_kvm_create(options, &kvm, err);
}

static int kvm_log_create(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;

	return smudge_kvm_log_create(&world.kvm, options, &source, err);
}

static int kvm_ring_create(const void *options, struct smudge_error *err)
{
	struct smudge_kvm_ring *ring;

	return smudge_kvm_ring_create(options, &ring, err);
}

static int kvm_ring_slot(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;

	return smudge_kvm_ring_slot(&world.ring, options, &source, err);
}

static int log_open(const void *options, struct smudge_error *err)
{
	struct smudge_log *log;
	int ret = smudge_log_open(options, &log, err);

	if (ret == 0)
		smudge_log_close(log);
	return ret;
}

static int soft_dirty_create(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;

	return smudge_soft_dirty_create(options, &source, err);
}

static int vhost_log_create(const void *options, struct smudge_error *err)
{
	struct smudge_source *source;
	int ret = smudge_vhost_log_create(options, &source, err);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int migrate_send(const void *options, struct smudge_error *err)
{
	struct smudge_migration *migration;
	int ret;

	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	ret = smudge_migrate_send(migration, world.memory, -1, options, err);
	smudge_migration_destroy(migration);
	return ret;
}

static int migrate_receive(const void *options, struct smudge_error *err)
{
	struct smudge_migration *migration;
	int ret;

	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	ret = smudge_migrate_receive(migration, world.memory, -1, options, err);
	smudge_migration_destroy(migration);
	return ret;
}

static int migration_create(const void *options, struct smudge_error *err)
{
	struct smudge_migration *migration;
	int ret = smudge_migration_create(options, &migration, err);

	if (ret == 0)
		smudge_migration_destroy(migration);
	return ret;
}

static int set_limits(const void *options, struct smudge_error *err)
{
	struct smudge_migration *migration;
	int ret;

	assert_int_equal(smudge_migration_create(NULL, &migration, NULL), 0);
	ret = smudge_migration_set_limits(migration, options, err);
	smudge_migration_destroy(migration);
	return ret;
}

static int migrate_forecast(const void *options, struct smudge_error *err)
{
	struct smudge_forecast forecast = {.size = sizeof(forecast)};

	return smudge_migrate_forecast(options, &forecast, err);
}

#define TYPE(type, last) \
#type, sizeof(struct type), SMI_SYS_SIZE_UP_TO(struct type, last)

const struct sized_call sized_calls[N_SIZED_CALLS] = {
	{region_add, TYPE(smudge_region_options, page_shift), &region_options,
	 0},
	{client_open, TYPE(smudge_client_options, nregions), &client_options,
	 0},
	{source_create, TYPE(smudge_source_ops, destroy), &source_ops, 0},
	{hub_create, TYPE(smudge_hub_ops, destroy), &hub_ops, 0},
	{hub_join, TYPE(smudge_hub_member_options, opaque), &member_options, 0},
	{code_open, TYPE(smudge_code_options, marks_only), &code_options, 0},
	{display_open, TYPE(smudge_display_mode, height), &mode, 0},
	{display_set_mode, TYPE(smudge_display_mode, height), &mode, 0},
	{kvm_create, TYPE(smudge_kvm_options, mode), &kvm_options, -EBADF},
	/* no whole pages, which is looked at later */
	{kvm_log_create, TYPE(smudge_kvm_slot, hva), &kvm_slot, -EINVAL},
	{kvm_ring_create, TYPE(smudge_kvm_ring_options, nentries),
	 &kvm_ring_options, -EBADF},
	{kvm_ring_slot, TYPE(smudge_kvm_slot, hva), &kvm_slot, -EINVAL},
	{log_open, TYPE(smudge_log_options, opaque), &log_options, 0},
	/* no quiesce, which is looked at later */
	{soft_dirty_create, TYPE(smudge_soft_dirty_options, opaque),
	 &soft_dirty_options, -EINVAL},
	{vhost_log_create, TYPE(smudge_vhost_log_options, opaque),
	 &vhost_log_options, 0},
	{migration_create, TYPE(smudge_migrate_limits, max_rounds), &limits, 0},
	{set_limits, TYPE(smudge_migrate_limits, max_rounds), &limits, 0},
	{migrate_send, TYPE(smudge_migrate_send_options, state_save),
	 &send_options, -ENOTSOCK},
	{migrate_receive, TYPE(smudge_migrate_receive_options, state_load),
	 &receive_options, -ENOTSOCK},
	/* no windows, which is looked at later */
	{migrate_forecast, TYPE(smudge_forecast_options, opaque),
	 &forecast_options, -EINVAL},
};

void sized_calls_open(void)
{
	assert_int_equal(smudge_memory_create(&world.memory), 0);
	assert_int_equal(smudge_hub_create(&hub_ops, NULL, &world.hub, NULL),
			 0);
	world.region = fake_region(world.memory, 0, NPAGES);
	assert_int_equal(smudge_display_open(world.memory, world.region, &mode,
					     &world.display, NULL),
			 0);
}

void sized_calls_close(void)
{
	smudge_display_close(world.display);
	smudge_hub_destroy(world.hub);
	assert_int_equal(smudge_memory_destroy(world.memory, NULL), 0);
}

struct smudge_memory *sized_calls_memory(void)
{
	return world.memory;
}
