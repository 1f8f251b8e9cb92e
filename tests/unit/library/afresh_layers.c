/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh for layers, with a folder of two of them.
 */
#include "afresh_calls.h"

#include <sys/mman.h>

#include <smudge/checkpoint.h>
#include <smudge/prune.h>

#include "folder.h"
#include "memory_disk.h"
#include "moments.h"

static struct {
	void *folder;
	struct smudge_chain *first, *second;
} layers;

static void open_layers(void)
{
	struct test_rng rng = test_rng_start("afresh_layers");
	struct moments memory;

	assert_int_equal(folder_enter(&layers.folder), 0);
	moments_open(&memory, "chain");
	for (int i = 0; i < 2; i++) {
		moments_change(&memory, &rng, false);
		memory.now.regions[0].bytes[5] = (uint8_t)(i + 1);
		moments_save(&memory, false);
	}
	moments_close(&memory);
	layers.first = moments_chain("chain", 1);
	layers.second = moments_chain("chain", 2);
}

static void close_layers(void)
{
	smudge_chain_close(layers.first);
	smudge_chain_close(layers.second);
	assert_int_equal(folder_leave(&layers.folder), 0);
}

int afresh_chain_open(bool fails, struct smudge_error *err)
{
	struct smudge_chain_options options = {.size = sizeof(options),
					       .folder = "chain",
					       .number = fails ? 3 : 0};
	struct smudge_chain *chain;
	int ret;

	open_layers();
	ret = smudge_chain_open(&options, &chain, err);
	if (ret == 0)
		smudge_chain_close(chain);
	close_layers();
	return ret;
}

int afresh_chain_open_disk(bool fails, struct smudge_error *err)
{
	struct smudge_chain *chain;
	struct memory_disk disk;
	struct moments memory;
	int ret;

	open_layers();
	moments_open(&memory, "chain");
	memory_disk_of_layer(&disk, memory.folder_fd, 1);
	moments_close(&memory);
	if (fails)
		disk.disk.size_bytes -= 4096;
	ret = smudge_chain_open_disk(&disk.disk, &chain, err);
	if (ret == 0)
		smudge_chain_close(chain);
	memory_disk_close(&disk);
	close_layers();
	return ret;
}

int afresh_chain_layer(bool fails, struct smudge_error *err)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	int ret;

	open_layers();
	ret = smudge_chain_layer(layers.second, fails ? 2 : 1, &info, err);
	close_layers();
	return ret;
}

int afresh_chain_read(bool fails, struct smudge_error *err)
{
	uint8_t page[4096];
	int ret;

	open_layers();
	ret = smudge_chain_read(layers.second, fails, fails ? 3 : 0, 1, page,
				err);
	close_layers();
	return ret;
}

int afresh_chain_next_data(bool fails, struct smudge_error *err)
{
	struct smudge_run run;
	int ret;

	open_layers();
	ret = smudge_chain_next_data(layers.second, fails ? 2 : 0, 0, 1, &run,
				     err);
	close_layers();
	return ret == 1 ? 0 : ret;
}

static int watch(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	return *(bool *)opaque;
}

int afresh_chain_verify(bool fails, struct smudge_error *err)
{
	int ret;

	open_layers();
	ret = smudge_chain_verify(layers.second, watch, &fails, err);
	close_layers();
	return ret;
}

static int see(void *opaque, const struct smudge_difference *difference)
{
	return *(bool *)opaque;
}

int afresh_chain_diff(bool fails, struct smudge_error *err)
{
	int ret;

	open_layers();
	ret = smudge_chain_diff(layers.first, layers.second, see, &fails, err);
	close_layers();
	return ret;
}

static int list(void *opaque, const struct smudge_layer_info *info,
		const struct smudge_error *why)
{
	return *(bool *)opaque;
}

int afresh_layers_each(bool fails, struct smudge_error *err)
{
	int ret;

	open_layers();
	ret = smudge_layers_each("chain", list, &fails, err);
	close_layers();
	return ret;
}

int afresh_layers_prune(bool fails, struct smudge_error *err)
{
	const struct smudge_prune_options options = {
		.size = sizeof(options),
		.folder = fails ? "missing" : "chain",
		.keep_last = 1,
	};
	int ret;

	open_layers();
	ret = smudge_layers_prune(&options, NULL, err);
	close_layers();
	return ret;
}

static void add_region(struct smudge_memory *memory, const char *name,
		       uint64_t gpa, uint64_t size_bytes, void *hva)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.hva = hva,
		.gpa = gpa,
		.size_bytes = size_bytes,
	};
	struct smudge_region *region;

	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
}

int afresh_restore(bool fails, struct smudge_error *err)
{
	const size_t low_bytes = 600 * 4096, rom_bytes = 3 * 4096;
	char *ram = mmap(NULL, low_bytes + rom_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct smudge_memory *memory;
	int ret;

	assert_true(ram != MAP_FAILED);
	open_layers();
	assert_int_equal(smudge_memory_create(&memory), 0);
	add_region(memory, "low", 0, low_bytes, ram);
	if (!fails)
		add_region(memory, "rom", UINT64_C(1) << 32, rom_bytes,
			   ram + low_bytes);
	ret = smudge_restore(memory, layers.second, NULL, err);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	close_layers();
	munmap(ram, low_bytes + rom_bytes);
	return ret;
}
