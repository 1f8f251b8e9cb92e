/* SPDX-License-Identifier: MIT */
/*
 * The calls of sized.h, and structs that they accept. Fields that come last in
 * their struct have no name here where the program has them not.
 */
#include "sized.h"

#include <errno.h>
#include <limits.h>

#ifdef LESS
#define KNOWN_BYTES(type) sizeof(struct type)
#else
#define KNOWN_BYTES(type) offsetof(struct type, from_the_future)
#endif

static int collect(void *opaque, struct smudge_error *err)
{
	world.ncalled++;
	return 0;
}

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	world.ncalled++;
	return 0;
}

static void stop(void *opaque)
{
	world.ncalled++;
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *err)
{
	world.ncalled++;
	return 0;
}

static int machine_stop(void *opaque)
{
	world.ncalled++;
	return 0;
}

static int state_save(void *opaque, void **ret_bytes, size_t *ret_length)
{
	world.ncalled++;
	return -EIO;
}

static int state_load(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	world.ncalled++;
	return -EIO;
}

static const struct smudge_region_options region_options = {
	.size = sizeof(region_options),
	.name = "another",
	.hva = (void *)4096,
	.gpa = UINT64_C(1) << 40,
	.size_bytes = 4096};
static const struct smudge_client_options client_options = {
	.size = sizeof(client_options), .name = "client"};
static const struct smudge_code_options code_options = {
	.size = sizeof(code_options), .name = "code"};
static const struct smudge_display_mode mode = {.size = sizeof(mode),
						.stride_bytes = 64,
						.width = 16,
#ifndef LESS
						.height = 16
#endif
};
static int bring(void *opaque, unsigned int thread, size_t region,
		 uint64_t offset_bytes, size_t length_bytes,
		 struct smudge_error *err)
{
	world.ncalled++;
	return -EIO;
}

static const struct smudge_pager_options pager_options = {
	.size = sizeof(pager_options),
	.regions = &world.region,
	.nregions = 1,
	.bring = bring};
static const struct smudge_source_ops source_ops = {.size = sizeof(source_ops),
						    .name = "source",
						    .start = start,
						    .stop = stop,
						    .harvest = harvest};
static const struct smudge_hub_ops hub_ops = {
	.size = sizeof(hub_ops), .name = "hub", .collect = collect};
static const struct smudge_hub_member_options member_options = {
	.size = sizeof(member_options), .npages = 1, .page_shift = 12};
static const struct smudge_kvm_options kvm_options = {
	.size = sizeof(kvm_options), .vm_fd = -1};
static const struct smudge_kvm_slot kvm_slot = {.size = sizeof(kvm_slot),
						.size_bytes = 4096};
static const struct smudge_migrate_limits limits = {
	.size = sizeof(limits), .downtime_limit_ns = 1000000};
static const struct smudge_migrate_send_options send_options = {
	.size = sizeof(send_options),
	.machine_stop = machine_stop,
	.machine_resume = stop,
	.state_save = state_save};
static const struct smudge_migrate_receive_options receive_options = {
	.size = sizeof(receive_options), .state_load = state_load};

static void write_message(const struct smudge_log_message *message,
			  void *opaque)
{
	world.ncalled++;
}

static const struct smudge_log_options log_options = {
	.size = sizeof(log_options), .write = write_message};
static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static const struct smudge_soft_dirty_options soft_dirty_options = {
	.size = sizeof(soft_dirty_options), .quiesce = quiesce, .resume = stop};
static const struct smudge_process_options process_options = {
	.size = sizeof(process_options)};
static uint64_t vhost_log[1];
static const struct smudge_vhost_log_options vhost_log_options = {
	.size = sizeof(vhost_log_options),
	.log = vhost_log,
	.log_bytes = sizeof(vhost_log)};
static const struct smudge_kvm_ring_options kvm_ring_options = {
	.size = sizeof(kvm_ring_options), .vm_fd = -1};
static const struct smudge_working_set working_set = {1, 1};
static const struct smudge_forecast_options forecast_options = {
	.size = sizeof(forecast_options),
	.total_pages = 1,
	.line_bandwidth_bytes_ps = 1,
	.working_set = &working_set,
	.nworking_set = 1};

/* A call that creates something, which goes at once; written if it succeeds. */
#define CREATES(name, type, make, undo)                        \
	static int name(void *argument)                        \
	{                                                      \
		struct type *const unwritten = (void *)&world; \
		struct type *made = unwritten;                 \
		int ret = make;                                \
                                                               \
		if (ret)                                       \
			NEED(made == unwritten, #name);        \
		else                                           \
			undo;                                  \
		return ret;                                    \
	}

CREATES(region_add, smudge_region,
	smudge_region_add(world.memory, argument, &made, NULL),
	NEED(smudge_region_remove(made, NULL) == 0, "region_add"))
CREATES(client_open, smudge_client,
	smudge_client_open(world.memory, argument, &made, NULL),
	NEED(smudge_client_close(made) == 0, "client_open"))
CREATES(code_open, smudge_code,
	smudge_code_open(world.memory, argument, &made, NULL),
	smudge_code_close(made))
CREATES(display_open, smudge_display,
	smudge_display_open(world.memory, world.region, argument, &made, NULL),
	smudge_display_close(made))
CREATES(source_create, smudge_source,
	smudge_source_create(argument, NULL, &made, NULL),
	smudge_source_destroy(made))
CREATES(hub_create, smudge_hub, smudge_hub_create(argument, NULL, &made, NULL),
	smudge_hub_destroy(made))
CREATES(kvm_create, smudge_kvm, smudge_kvm_create(argument, &made, NULL),
	smudge_kvm_destroy(made))
CREATES(kvm_log_create, smudge_source,
	smudge_kvm_log_create(world.kvm, argument, &made, NULL),
	smudge_source_destroy(made))
CREATES(migration_create, smudge_migration,
	smudge_migration_create(argument, &made, NULL),
	smudge_migration_destroy(made))

CREATES(log_open, smudge_log, smudge_log_open(argument, &made, NULL),
	smudge_log_close(made))
CREATES(vhost_log_create, smudge_source,
	smudge_vhost_log_create(argument, &made, NULL),
	smudge_source_destroy(made))
CREATES(soft_dirty_create, smudge_source,
	smudge_soft_dirty_create(argument, &made, NULL),
	smudge_source_destroy(made))
CREATES(kvm_ring_create, smudge_kvm_ring,
	smudge_kvm_ring_create(argument, &made, NULL),
	smudge_kvm_ring_destroy(made))
CREATES(kvm_ring_slot, smudge_source,
	smudge_kvm_ring_slot(world.kvm_ring, argument, &made, NULL),
	smudge_source_destroy(made))

/* No process has this number, which is known after the options are. */
CREATES(process_open, smudge_process,
	smudge_process_open(world.memory, INT_MAX, argument, &made, NULL),
	NEED(smudge_process_close(made, NULL) == 0, "process_open"))

static int kvm_ring_stats(void *argument)
{
	return smudge_kvm_ring_stats(world.kvm_ring, argument);
}

static int hub_join(void *argument)
{
	struct smudge_hub_member *member;
	struct smudge_source *source;
	int ret = smudge_hub_join(world.hub, argument, &source, &member, NULL);

	if (ret == 0)
		smudge_source_destroy(source);
	return ret;
}

static int display_set_mode(void *argument)
{
	return smudge_display_set_mode(world.display, argument, NULL);
}

static int migration_set_limits(void *argument)
{
	return smudge_migration_set_limits(world.migration, argument, NULL);
}

static int migrate_send(void *argument)
{
	struct smudge_migration *once;
	int ret;

	NEED(smudge_migration_create(NULL, &once, NULL) == 0, "migrate_send");
	ret = smudge_migrate_send(once, world.memory, -1, argument, NULL);
	smudge_migration_destroy(once);
	return ret;
}

static int migrate_receive(void *argument)
{
	struct smudge_migration *once;
	int ret;

	NEED(smudge_migration_create(NULL, &once, NULL) == 0,
	     "migrate_receive");
	ret = smudge_migrate_receive(once, world.memory, -1, argument, NULL);
	smudge_migration_destroy(once);
	return ret;
}

static int migrate_forecast(void *argument)
{
	struct smudge_forecast forecast = {.size = sizeof(forecast)};

	return smudge_migrate_forecast(argument, &forecast, NULL);
}

static int forecast(void *argument)
{
	return smudge_migrate_forecast(&forecast_options, argument, NULL);
}

static int memory_stats(void *argument)
{
	return smudge_memory_stats(world.memory, argument);
}

static int source_stats(void *argument)
{
	return smudge_source_stats(world.source, argument);
}

static int code_stats(void *argument)
{
	return smudge_code_stats(world.code, argument);
}

static int display_stats(void *argument)
{
	return smudge_display_stats(world.display, argument);
}

static int migration_stats(void *argument)
{
	return smudge_migration_stats(world.migration, argument);
}

static int migration_limits(void *argument)
{
	return smudge_migration_limits(world.migration, argument);
}

/* Nothing is touched, so nothing has to be brought. */
static void end_pager(struct smudge_pager *pager)
{
	smudge_pager_know_zeros(
		pager, 0, 0,
		smudge_region_npages(world.region)
			<< smudge_region_page_shift(world.region));
	smudge_pager_destroy(pager);
}

static int pager_create(void *argument)
{
	struct smudge_pager *made = NULL;
	int ret = smudge_pager_create(world.memory, argument, &made, NULL);

	NEED(!ret == !!made, "pager_create");
	if (made)
		end_pager(made);
	return ret;
}

static int pager_stats(void *argument)
{
	struct smudge_pager *made = NULL;
	int ret =
		smudge_pager_create(world.memory, &pager_options, &made, NULL);

	if (ret < 0)
		return ret;
	ret = smudge_pager_stats(made, argument);
	end_pager(made);
	return ret;
}

/* A call that has two such structs has a function for each. */
#define SIZED_AS(function, name, type, good, accepted, may_be_less) \
	[CALL_smudge_##name##_##type] = {function,                  \
					 good,                      \
					 sizeof(struct type),       \
					 KNOWN_BYTES(type),         \
					 accepted,                  \
					 may_be_less,               \
					 NULL}
#define SIZED(name, type, good, accepted, may_be_less) \
	SIZED_AS(name, name, type, good, accepted, may_be_less)
#define EXEMPT(name, type, reason) \
	[CALL_smudge_##name##_##type] = {.why_not = reason}
#define FROM_LIBRARY "its structs are those that the library gave its caller"

struct sized_call sized_calls[N_SIZED_CALLS] = {
	SIZED(region_add, smudge_region_options, &region_options, 0, true),
	SIZED(client_open, smudge_client_options, &client_options, 0, true),
	SIZED(code_open, smudge_code_options, &code_options, 0, false),
	SIZED(display_open, smudge_display_mode, &mode, 0, false),
	SIZED(display_set_mode, smudge_display_mode, &mode, 0, false),
	SIZED(source_create, smudge_source_ops, &source_ops, 0, true),
	SIZED(hub_create, smudge_hub_ops, &hub_ops, 0, false),
	SIZED(hub_join, smudge_hub_member_options, &member_options, 0, false),
	SIZED(kvm_create, smudge_kvm_options, &kvm_options, -EBADF, true),
	SIZED(kvm_log_create, smudge_kvm_slot, &kvm_slot, 0, false),
	SIZED(migration_create, smudge_migrate_limits, &limits, 0, false),
	SIZED(migration_set_limits, smudge_migrate_limits, &limits, 0, false),
	SIZED(migrate_send, smudge_migrate_send_options, &send_options,
	      -ENOTSOCK, true),
	SIZED(migrate_receive, smudge_migrate_receive_options, &receive_options,
	      -ENOTSOCK, true),
	SIZED(memory_stats, smudge_memory_stats, NULL, 0, true),
	SIZED(source_stats, smudge_source_stats, NULL, 0, true),
	SIZED(code_stats, smudge_code_stats, NULL, 0, false),
	SIZED(display_stats, smudge_display_stats, NULL, 0, false),
	SIZED(migration_stats, smudge_migrate_stats, NULL, 0, false),
	SIZED(migration_limits, smudge_migrate_limits, NULL, 0, false),
	SIZED(log_open, smudge_log_options, &log_options, 0, false),
	SIZED(vhost_log_create, smudge_vhost_log_options, &vhost_log_options, 0,
	      false),
	SIZED(soft_dirty_create, smudge_soft_dirty_options, &soft_dirty_options,
	      0, false),
	SIZED(kvm_ring_create, smudge_kvm_ring_options, &kvm_ring_options,
	      -EBADF, true),
	SIZED(kvm_ring_slot, smudge_kvm_slot, &kvm_slot, 0, false),
	SIZED(kvm_ring_stats, smudge_kvm_ring_stats, NULL, 0, false),
	SIZED(migrate_forecast, smudge_forecast_options, &forecast_options, 0,
	      false),
	SIZED_AS(forecast, migrate_forecast, smudge_forecast, NULL, 0, false),
	SIZED(pager_create, smudge_pager_options, &pager_options, 0, false),
	SIZED(pager_stats, smudge_pager_stats, NULL, 0, true),
	/* The last field fits into what would be padding without it. */
	SIZED(process_open, smudge_process_options, &process_options, -ESRCH,
	      true),
	EXEMPT(process_stats, smudge_process_stats,
	       "it takes a process, and tests/kernel/test_process_stats has "
	       "one"),
	EXEMPT(process_each_thread, smudge_process_thread, FROM_LIBRARY),
	EXEMPT(process_each_untracked, smudge_process_untracked, FROM_LIBRARY),
	EXEMPT(process_each_writer, smudge_process_writer, FROM_LIBRARY),
	EXEMPT(migrate_default_policy, smudge_migrate_stats, FROM_LIBRARY),
	EXEMPT(migrate_default_policy, smudge_migrate_limits, FROM_LIBRARY),
};
