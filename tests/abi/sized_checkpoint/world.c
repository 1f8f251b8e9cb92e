/* SPDX-License-Identifier: MIT */
/*
 * A memory, a checkpointer, and a chain of one layer that it wrote.
 */
#include "../sized/world.h"

#include <string.h>
#include <sys/mman.h>

#include <smudge/checkpoint.h>

enum {
	PAGE = 4096,
	NPAGES = 16
};

struct world world = {.folder = "/tmp/smudge-sized-XXXXXX",
		      .other = "/tmp/smudge-sized-other-XXXXXX"};

static struct smudge_checkpointer_stats remembered;

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

static void open_checkpointer(void)
{
	struct smudge_checkpointer_options options = {.size = sizeof(options),
						      .folder = world.folder};
	struct smudge_chain_options chain = {.size = sizeof(chain),
					     .folder = world.folder};
	uint64_t ticket;

	NEED(mkdtemp(world.folder) && mkdtemp(world.other), "folders");
	NEED(smudge_checkpointer_create(world.memory, &options,
					&world.checkpointer, NULL) == 0,
	     "checkpointer");
	NEED(smudge_checkpointer_save(world.checkpointer, NULL, &ticket,
				      NULL) == 0 &&
		     smudge_checkpointer_wait(world.checkpointer, ticket, NULL,
					      NULL) == 0,
	     "layer");
	NEED(smudge_chain_open(&chain, &world.chain, NULL) == 0, "chain");
	world.ticket = ticket;
}

void world_open(void)
{
	open_memory();
	open_checkpointer();
}

static void remove_folder(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", path);
	NEED(system(command) == 0, "folder");
}

void world_close(void)
{
	smudge_chain_close(world.chain);
	smudge_checkpointer_destroy(world.checkpointer);
	remove_folder(world.folder);
	remove_folder(world.other);
	NEED(smudge_region_remove(world.region, NULL) == 0, "region");
	NEED(smudge_memory_destroy(world.memory, NULL) == 0, "memory");
	munmap(world.pages, NPAGES * PAGE);
}

static void state_get(struct smudge_checkpointer_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	NEED(smudge_checkpointer_stats(world.checkpointer, stats) == 0,
	     "state");
}

void world_remember(void)
{
	state_get(&remembered);
}

bool world_is_as_remembered(void)
{
	struct smudge_checkpointer_stats now;

	state_get(&now);
	return memcmp(&now, &remembered, sizeof(now)) == 0;
}
