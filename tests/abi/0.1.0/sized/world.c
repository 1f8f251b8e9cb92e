/* SPDX-License-Identifier: MIT */
/*
 * Opens one object of each kind, and compares what can be read of them.
 */
#include "world.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/smudge.h>

enum {
	PAGE = 4096,
	NPAGES = 64
};

struct world world;

static struct state {
	struct smudge_memory_stats memory;
	struct smudge_display_stats display;
	struct smudge_code_stats code;
	struct smudge_migrate_limits limits;
	struct smudge_migrate_stats migration;
	size_t nregions;
	const uint32_t *frame;
	uint32_t stride_bytes;
	int ncalled;
} remembered;

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	return 0;
}

static void stop(void *opaque)
{
}

static int report_nothing(void *opaque, struct smudge_sink *sink,
			  struct smudge_error *err)
{
	return 0;
}

static int collect(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void open_memory(void)
{
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.size_bytes = NPAGES * PAGE};

	world.pages = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(world.pages != MAP_FAILED, "pages");
	options.hva = world.pages;
	NEED(smudge_memory_create(&world.memory) == 0, "memory");
	NEED(smudge_region_add(world.memory, &options, &world.region, NULL) ==
		     0,
	     "region");
}

static void open_sources(void)
{
	const struct smudge_source_ops ops = {.size = sizeof(ops),
					      .name = "source",
					      .start = start,
					      .stop = stop,
					      .harvest = report_nothing};
	const struct smudge_hub_ops hub_ops = {
		.size = sizeof(hub_ops), .name = "hub", .collect = collect};

	NEED(smudge_source_create(&ops, NULL, &world.source, NULL) == 0,
	     "source");
	NEED(smudge_hub_create(&hub_ops, NULL, &world.hub, NULL) == 0, "hub");
}

static void open_clients(void)
{
	struct smudge_display_mode mode = {.size = sizeof(mode),
					   .stride_bytes = 64,
					   .width = 16,
					   .height = 16};
	struct smudge_code_options options = {.size = sizeof(options)};

	NEED(smudge_display_open(world.memory, world.region, &mode,
				 &world.display, NULL) == 0,
	     "display");
	NEED(smudge_code_open(world.memory, &options, &world.code, NULL) == 0,
	     "code");
	NEED(smudge_migration_create(NULL, &world.migration, NULL) == 0,
	     "migration");
}

static void open_kvm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	struct smudge_kvm_options options = {.size = sizeof(options),
					     .vm_fd = vm};

	if (vm >= 0 && smudge_kvm_create(&options, &world.kvm, NULL))
		world.kvm = NULL;
	close(vm);
	close(kvm);
}

static void open_kvm_ring(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	struct smudge_kvm_ring_options options = {.size = sizeof(options),
						  .vm_fd = vm};

	if (vm >= 0 && smudge_kvm_ring_create(&options, &world.kvm_ring, NULL))
		world.kvm_ring = NULL;
	close(vm);
	close(kvm);
}

void world_open(void)
{
	open_memory();
	open_sources();
	open_clients();
	open_kvm();
	open_kvm_ring();
}

void world_close(void)
{
	smudge_kvm_destroy(world.kvm);
	smudge_kvm_ring_destroy(world.kvm_ring);
	smudge_migration_destroy(world.migration);
	smudge_code_close(world.code);
	smudge_display_close(world.display);
	smudge_hub_destroy(world.hub);
	smudge_source_destroy(world.source);
	NEED(smudge_region_remove(world.region, NULL) == 0, "region");
	NEED(smudge_memory_destroy(world.memory, NULL) == 0, "memory");
	munmap(world.pages, NPAGES * PAGE);
}

static void state_get(struct state *state)
{
	memset(state, 0, sizeof(*state));
	state->memory.size = sizeof(state->memory);
	state->display.size = sizeof(state->display);
	state->code.size = sizeof(state->code);
	state->limits.size = sizeof(state->limits);
	state->migration.size = sizeof(state->migration);
	NEED(!smudge_memory_stats(world.memory, &state->memory) &&
		     !smudge_display_stats(world.display, &state->display) &&
		     !smudge_code_stats(world.code, &state->code) &&
		     !smudge_migration_limits(world.migration,
					      &state->limits) &&
		     !smudge_migration_stats(world.migration,
					     &state->migration),
	     "state");
	state->nregions = smudge_memory_regions(world.memory, NULL, 0);
	state->frame =
		smudge_display_frame(world.display, &state->stride_bytes);
	state->ncalled = world.ncalled;
}

void world_remember(void)
{
	state_get(&remembered);
}

bool world_is_as_remembered(void)
{
	struct state now;

	state_get(&now);
	return memcmp(&now, &remembered, sizeof(now)) == 0;
}
