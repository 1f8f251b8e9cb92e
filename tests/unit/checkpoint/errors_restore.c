/* SPDX-License-Identifier: MIT */
/*
 * Restores that fail: each has its error, which names the region; what the
 * memory holds is left alone where the reason is known before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "restore_rig.h"
#include "sentence.h"

#define PAGE 4096

static struct moments memory;

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("errors_restore");

	if (folder_enter(state) < 0)
		return -1;
	moments_open(&memory, "chain");
	for (int i = 0; i < 2; i++) {
		moments_change(&memory, &rng, false);
		memory.now.regions[0].bytes[i] = 1;
		moments_save(&memory, false);
	}
	return 0;
}

static int tear_down(void **state)
{
	moments_close(&memory);
	return folder_leave(state);
}

static void expect(struct restore_rig *rig,
		   const struct smudge_restore_options *options, int expected,
		   const char *sentence)
{
	struct smudge_chain *chain = moments_chain("chain", 0);
	struct smudge_error err;
	int ret = smudge_restore(rig->memory, chain, options, &err);

	if (ret != expected || err.code != expected ||
	    !strstr(err.message, sentence))
		fail_msg("expected %d \"%s\", got %d \"%s\"", expected,
			 sentence, ret, err.message);
	smudge_chain_close(chain);
}

/* Expect it of a memory that is not as the layer's; it is not touched. */
static void expect_untouched(const struct moment *moment, int expected,
			     const char *sentence)
{
	struct restore_rig rig;

	restore_open(&rig, moment, RESTORE_PRIVATE, 0xee);
	expect(&rig, NULL, expected, sentence);
	for (size_t i = 0; i < MOMENTS_REGIONS; i++) {
		for (uint64_t k = 0; k < rig.npages[i] * PAGE; k++)
			assert_int_equal(rig.ram[i][k], 0xee);
	}
	restore_close(&rig);
}

static void other_regions(void **state)
{
	struct moment other = memory.now;

	other.regions[1].npages = 0;
	expect_untouched(&other, -ENOENT,
			 "the memory has no region rom, as the layer has");
	other = memory.now;
	other.regions[2].npages = 7;
	expect_untouched(&other, -ENOENT, "the layer has no region high");
	other = memory.now;
	other.regions[0].npages = 599;
	expect_untouched(&other, -ERANGE, "region low has 2396 KiB at 0x0");
	other = memory.now;
	other.regions[1].npages = 16;
	other.regions[1].page_shift = 16;
	expect_untouched(&other, -ERANGE, "region rom has 64 KiB");
}

static int read_zeros(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		      void *buffer, struct smudge_error *err)
{
	return 0;
}

static void without_hva(void **state)
{
	const struct smudge_region_options far = {
		.size = sizeof(far),
		.name = "rom",
		.gpa = UINT64_C(1) << 32,
		.size_bytes = 3 * PAGE,
		.read = read_zeros,
	};
	struct moment other = memory.now;
	struct smudge_region *region;
	struct restore_rig rig;

	other.regions[1].npages = 0;
	restore_open(&rig, &other, RESTORE_PRIVATE, 0);
	assert_int_equal(smudge_region_add(rig.memory, &far, &region, NULL), 0);
	expect(&rig, NULL, -EOPNOTSUPP,
	       "region rom is not memory of this process");
	restore_close(&rig);
}

static void sizes_of_options(void **state)
{
	struct {
		struct smudge_restore_options known;
		uint64_t later;
	} options = {.known = {.size = sizeof(options)}, .later = 1};
	struct restore_rig rig;

	restore_open(&rig, &memory.now, RESTORE_PRIVATE, 0);
	expect(&rig, &options.known, -E2BIG, "smudge_restore_options");
	options.known.size = 8;
	expect(&rig, &options.known, -EINVAL, "smudge_restore_options");
	restore_close(&rig);
}

static int stop(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	return -1;
}

static void cancelled(void **state)
{
	const struct smudge_restore_options options = {
		.size = sizeof(options),
		.progress = stop,
	};
	struct restore_rig rig;

	restore_open(&rig, &memory.now, RESTORE_PRIVATE, 0);
	expect(&rig, &options, -ECANCELED, "cancelled");
	/* Nothing is held any more. */
	assert_int_equal(smudge_region_remove(rig.regions[0], NULL), 0);
	restore_close(&rig);
}

/*
 * A bit that was flipped anywhere in the chain ends a restore, or changes
 * nothing in what comes back.
 */
static void damaged(void **state)
{
	static const char *const names[] = {"chain/layer-00000001.qcow2",
					    "chain/layer-00000002.qcow2"};
	struct test_rng rng = test_rng_start("errors_restore damaged");
	unsigned int nfailed = 0;

	for (unsigned int i = 0; i < test_rounds(300); i++) {
		const struct smudge_chain_options options = {
			.size = sizeof(options), .folder = "chain"};
		const char *name = names[i % 2];
		struct smudge_chain *chain;
		struct restore_rig rig;
		struct stat st;
		off_t at;

		assert_int_equal(stat(name, &st), 0);
		at = (off_t)test_rng_below(&rng, (uint64_t)st.st_size);
		folder_flip(name, at, 0x10);
		restore_open(&rig, &memory.now, RESTORE_PRIVATE, 0xee);
		if (smudge_chain_open(&options, &chain, NULL) == 0) {
			int ret = smudge_restore(rig.memory, chain, NULL, NULL);

			nfailed += ret < 0;
			if (ret == 0)
				restore_check(&rig, &memory.now);
			smudge_chain_close(chain);
		}
		restore_close(&rig);
		folder_flip(name, at, 0x10);
	}
	assert_true(nfailed > 0);
}

TEST_MAIN_WITH(set_up, tear_down, other_regions, without_hva, sizes_of_options,
	       cancelled, damaged)
