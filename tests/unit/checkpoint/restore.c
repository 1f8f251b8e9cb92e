/* SPDX-License-Identifier: MIT */
/*
 * Every layer of a chain of random moments comes back into memory of every
 * kind, whatever was in it; zeros become holes where that is possible.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "restore_rig.h"
#include "slow.h"

#define PAGE	4096
#define NLAYERS 9

static struct moments memory;
static struct moment kept[NLAYERS];

static void save_all(struct test_rng *rng)
{
	moments_open(&memory, "chain");
	for (size_t i = 0; i < NLAYERS; i++) {
		moments_change(&memory, rng, i % 3 == 2);
		moments_save(&memory, i == 0 || i == 5);
		moment_copy(&kept[i], &memory.now);
	}
}

static void clear_all(void)
{
	for (size_t i = 0; i < NLAYERS; i++)
		moment_clear(&kept[i]);
	moments_close(&memory);
}

static void restore(struct restore_rig *rig, uint64_t number,
		    const struct smudge_restore_options *options)
{
	struct smudge_chain *chain = moments_chain("chain", number);
	struct smudge_error err;

	if (smudge_restore(rig->memory, chain, options, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(err.code, 0);
	smudge_chain_close(chain);
}

static void comes_back(uint64_t number, enum restore_kind kind, uint8_t content,
		       unsigned int nthreads)
{
	const struct smudge_restore_options options = {
		.size = sizeof(options),
		.nthreads = nthreads,
	};
	struct restore_rig rig;

	restore_open(&rig, &kept[number - 1], kind, content);
	restore(&rig, number, nthreads ? &options : NULL);
	restore_check(&rig, &kept[number - 1]);
	restore_close(&rig);
}

static void moments_come_back(void **state)
{
	struct test_rng rng = test_rng_start("restore");

	save_all(&rng);
	for (uint64_t i = 1; i <= NLAYERS; i++) {
		for (int kind = 0; kind < RESTORE_NKINDS; kind++) {
			if (test_rng_below(&rng, TEST_STEP))
				continue;
			comes_back(i, kind, 0, 1);
			comes_back(i, kind, 0xee, kind);
		}
	}
	clear_all();
}

/* From one moment to another and back, in the same memory. */
static void one_over_another(void **state)
{
	struct test_rng rng = test_rng_start("restore over");
	struct restore_rig rig;

	save_all(&rng);
	restore_open(&rig, &kept[0], RESTORE_PRIVATE, 0x55);
	for (int i = 0; i < 10; i++) {
		uint64_t number = 1 + test_rng_below(&rng, 2);

		restore(&rig, number, NULL);
		restore_check(&rig, &kept[number - 1]);
	}
	restore_close(&rig);
	clear_all();
}

static uint64_t count_content(const struct moment *moment)
{
	static const uint8_t zeros[PAGE];
	uint64_t n = 0;

	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		const struct moment_region *region = &moment->regions[i];

		for (uint64_t page = 0; page < region->npages; page++)
			n += memcmp(region->bytes + page * PAGE, zeros, PAGE) !=
			     0;
	}
	return n;
}

/* What memory is there is the emulator's affair. */
static void need_own_memory(void)
{
#ifdef TEST_EMULATED
	test_skip_without("mincore", "it is the emulator's");
#endif
}

/*
 * What was never touched stays so, and is not even asked for if it is zeroed.
 */
static void zeros_are_holes(void **state)
{
	const struct smudge_restore_options zeroed = {
		.size = sizeof(zeroed),
		.is_zeroed = true,
	};
	struct test_rng rng = test_rng_start("restore holes");

	need_own_memory();
	save_all(&rng);
	for (uint64_t i = 1; i <= NLAYERS; i++) {
		uint64_t content = count_content(&kept[i - 1]);

		for (int is_zeroed = 0; is_zeroed < 2; is_zeroed++) {
			struct restore_rig rig;

			restore_open(&rig, &kept[i - 1], RESTORE_PRIVATE, 0);
			restore(&rig, i, is_zeroed ? &zeroed : NULL);
			assert_int_equal(restore_resident(&rig), content);
			restore_check(&rig, &kept[i - 1]);
			restore_close(&rig);
		}
	}
	clear_all();
}

/* A memory that was full, and goes back to one that was nearly empty. */
static void content_is_dropped(void **state)
{
	static const enum restore_kind kinds[] = {RESTORE_PRIVATE,
						  RESTORE_SHARED};
	struct restore_rig rig;

	need_own_memory();
	moments_open(&memory, "chain");
	memory.now.regions[0].bytes[100 * PAGE] = 1;
	memory.now.regions[0].bytes[400 * PAGE] = 1;
	moments_save(&memory, true);
	for (size_t i = 0; i < 2; i++) {
		restore_open(&rig, &memory.now, kinds[i], 0xee);
		assert_int_equal(restore_resident(&rig), 603);
		restore(&rig, 1, NULL);
		restore_check(&rig, &memory.now);
		restore_close(&rig);
	}
	restore_open(&rig, &memory.now, RESTORE_PRIVATE, 0xee);
	restore(&rig, 1, NULL);
	/* region "rom" is too small for a hole */
	assert_int_equal(restore_resident(&rig), 2 + 3);
	restore_close(&rig);
	moments_close(&memory);
}

struct counted {
	uint64_t done_bytes, total_bytes;
};

static int count_up(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct counted *counted = opaque;

	if (done_bytes <= counted->done_bytes || done_bytes > total_bytes)
		return 1;
	*counted = (struct counted){done_bytes, total_bytes};
	return 0;
}

/* Only some regions; the others keep what they have. */
static void some_regions(void **state)
{
	struct counted counted = {0};
	struct smudge_restore_options options = {
		.size = sizeof(options),
		.nregions = 1,
		.progress = count_up,
		.opaque = &counted,
	};
	struct test_rng rng = test_rng_start("restore some");
	struct restore_rig rig;

	save_all(&rng);
	restore_open(&rig, &kept[1], RESTORE_PRIVATE, 0xee);
	options.regions = &rig.regions[1];
	restore(&rig, 2, &options);
	assert_memory_equal(rig.ram[1], kept[1].regions[1].bytes,
			    rig.npages[1] * PAGE);
	for (uint64_t i = 0; i < rig.npages[0] * PAGE; i++)
		assert_int_equal(rig.ram[0][i], 0xee);
	assert_int_equal(counted.done_bytes, rig.npages[1] * PAGE);
	assert_int_equal(counted.total_bytes, rig.npages[1] * PAGE);
	restore_close(&rig);
	clear_all();
}

/* Every page is dirty for a client that was open. */
static void clients_know(void **state)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "test"};
	struct test_rng rng = test_rng_start("restore marks");
	struct smudge_client *client;
	struct restore_rig rig;

	save_all(&rng);
	restore_open(&rig, &kept[1], RESTORE_PRIVATE, 0);
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &client, NULL), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(smudge_client_skip(client, rig.regions[i], 0,
						    rig.npages[i], NULL),
				 0);
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	restore(&rig, 2, NULL);
	assert_int_equal(smudge_client_dirty_pages(client),
			 rig.npages[0] + rig.npages[1]);
	assert_int_equal(smudge_client_close(client), 0);
	restore_close(&rig);
	clear_all();
}

TEST_MAIN_WITH(folder_enter, folder_leave, moments_come_back, one_over_another,
	       zeros_are_holes, content_is_dropped, some_regions, clients_know)
