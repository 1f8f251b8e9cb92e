/* SPDX-License-Identifier: MIT */
/*
 * The invariants of layout.h, B1 to B5, after every step of random programs;
 * and the memory of every word that is not mixed overwritten each time, so
 * that any reader of leftovers is detected. Once for each vector
 * variant.
 */
#include "support.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#include "bitmap/group.h"

static uint64_t draw_random(void *rng, uint64_t bound)
{
	return test_rng_below(rng, bound);
}

/* B1 and B5: what a word in memory may be, @pages of whose pages exist. */
static bool is_right_word(const struct smudge_bitmap *bitmap, uint64_t group,
			  unsigned int i)
{
	unsigned int npages = (unsigned int)smi_group_npages(bitmap, group);
	uint64_t word = smi_group_get_word(bitmap, group, i);
	bool is_mixed = bitmap->groups[group].mixed >> i & 1;

	if (is_mixed && (word == 0 || word == SMI_ALL_ONES))
		return false;
	return !(word & ~smi_word_mask(i, 0, npages));
}

static const char *check_group(const struct smudge_bitmap *bitmap,
			       uint64_t group)
{
	struct smi_group g = bitmap->groups[group];
	bool is_some = bitmap->level2[group >> 6] >> (group & 63) & 1;

	if ((g.mixed & g.ones) || g.ones == SMI_ALL_ONES)
		return "B2";
	if (is_some != (smi_group_dirty(g) != 0))
		return "B3";
	if (smi_group_is_full(bitmap, group))
		return smi_group_dirty(g) ? "B4" : NULL;
	for (unsigned int i = 0; i < 64; i++)
		if (!is_right_word(bitmap, group, i))
			return "B1 or B5";
	return NULL;
}

/* B5 above the groups, up to the largest size: none that does not exist. */
static const char *check_beyond(const struct smudge_bitmap *bitmap)
{
	uint64_t ngroups = bitmap->ngroups;
	uint64_t end = (uint64_t)(bitmap->full - bitmap->level2) * 64;

	for (uint64_t group = ngroups; group < end; group++) {
		uint64_t both =
			bitmap->level2[group >> 6] | bitmap->full[group >> 6];

		if (both >> (group & 63) & 1)
			return "B5, level 2";
	}
	end = (uint64_t)(bitmap->level2 - (uint64_t *)bitmap->groups) / 2;
	for (uint64_t group = ngroups; group < end; group++) {
		if (smi_group_dirty(bitmap->groups[group]))
			return "B5, groups";
	}
	return NULL;
}

static const char *check_insides(const struct smudge_bitmap *bitmap)
{
	for (uint64_t group = 0; group < bitmap->ngroups; group++) {
		const char *what = check_group(bitmap, group);

		if (what)
			return what;
	}
	return check_beyond(bitmap);
}

/* Rubbish wherever no word is kept; in full and in clean groups too. */
static void spoil_group(struct smudge_bitmap *bitmap, uint64_t group,
			uint64_t rubbish)
{
	uint64_t mixed = bitmap->groups[group].mixed;
	unsigned int nmixed = (unsigned int)__builtin_popcountll(mixed);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		if (nmixed <= SMI_PACKED_WORDS || !(mixed >> i & 1))
			bitmap->words[group * SMI_GROUP_WORDS + i] = rubbish;
	for (unsigned int i = 0; i < SMI_PACKED_WORDS; i++)
		if (nmixed > SMI_PACKED_WORDS || i >= nmixed)
			bitmap->packed[group * SMI_PACKED_WORDS + i] = rubbish;
}

static void spoil(struct smudge_bitmap *bitmap, struct test_rng *rng)
{
	uint64_t rubbish = test_rng_next(rng);

	if (rubbish & 1)
		rubbish = rubbish & 2 ? SMI_ALL_ONES : rubbish | rubbish >> 7;
	for (uint64_t group = 0; group < bitmap->ngroups; group++)
		spoil_group(bitmap, group, rubbish);
}

static bool run_step(struct program *program, struct test_rng *rng)
{
	if (!program_step(program))
		return false;
	for (unsigned int i = 0; i < PROGRAM_BITMAPS; i++) {
		const char *what = check_insides(program->bitmap[i]);

		if (what)
			return program_fail(program, what, 0, 0);
		spoil(program->bitmap[i], rng);
	}
	return program_sample(program);
}

static void run_size(uint64_t npages, unsigned int nprograms,
		     unsigned int nsteps)
{
	struct test_rng rng = test_rng_start("bitmap_insides");
	struct program program = {.draw = draw_random, .opaque = &rng};

	for (unsigned int i = 0; i < nprograms; i++) {
		bool is_right = program_start(&program, npages);

		for (unsigned int n = 0; is_right && n < nsteps; n++)
			is_right = run_step(&program, &rng);
		is_right = is_right && program_compare(&program);
		program_end(&program);
		if (!is_right)
			fail_msg("program %u: %s", i, program.failure);
	}
}

static void test_one_group(void **state)
{
	run_size(65, 60, 60);
	run_size(4032, 20, 60);
	run_size(4095, 20, 60);
	run_size(4096, 20, 60);
	run_size(4097, 20, 60);
}

static void test_several_groups(void **state)
{
	run_size(8191, 10, 60);
	run_size(3 * 4096 + 64, 10, 60);
	run_size(70 * 4096, 2, 60);
}

/* Every change that leaves a group all dirty, or all clean, by parts. */
static void test_last_part(void **state)
{
	static const uint64_t sizes[] = {4096, 4095, 64, 4032, 8192, 8191};
	static const uint64_t cuts[] = {1, 63, 64, 100, 2048, 4031};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t j = 0; j < sizeof(cuts) / sizeof(cuts[0]); j++) {
			uint64_t npages = sizes[i], cut = cuts[j];
			struct smudge_bitmap *bitmap;

			assert_int_equal(
				smudge_bitmap_create(npages, &bitmap, NULL), 0);
			smudge_bitmap_set_range(bitmap, cut, npages);
			assert_null(check_insides(bitmap));
			smudge_bitmap_mark_range(bitmap, 0, cut);
			assert_true(smudge_bitmap_all(bitmap, 0, npages));
			assert_null(check_insides(bitmap));
			smudge_bitmap_clear_range(bitmap, 0, cut);
			assert_null(check_insides(bitmap));
			smudge_bitmap_clear_range(bitmap, cut, npages);
			assert_null(check_insides(bitmap));
			assert_false(smudge_bitmap_any(bitmap, 0, npages));
			smudge_bitmap_destroy(bitmap);
		}
}

/* A group that two merges fill, in whole groups and in a part of one. */
static void test_merged_halves(void **state)
{
	static const uint64_t lengths[] = {2 * 4096, 4096, 4095, 4096 + 64};
	static uint64_t bits[129];
	struct smudge_bitmap *bitmap;

	assert_int_equal(smudge_bitmap_create(2 * 4096, &bitmap, NULL), 0);
	for (unsigned int turn = 0; turn < 64; turn++) {
		uint64_t first = turn & 16 ? 1 : 0, n = lengths[turn % 4];

		smudge_bitmap_empty(bitmap);
		if (turn & 32)
			smudge_bitmap_set_range(bitmap, 100, 3000);
		for (unsigned int half = 0; half < 2; half++) {
			memset(bits, half ? 0xaa : 0x55, sizeof(bits));
			n = n < 2 * 4096 - first ? n : 2 * 4096 - first;
			assert_int_equal(smudge_bitmap_merge(&bitmap, 1, first,
							     bits, turn & 8, n),
					 0);
			assert_null(check_insides(bitmap));
		}
		assert_true(smudge_bitmap_all(bitmap, first, n));
		assert_int_equal(smudge_bitmap_count(bitmap, 0, UINT64_MAX), n);
	}
	smudge_bitmap_destroy(bitmap);
}

/* A summary that a racing marker left with nothing below it adds no page. */
static void test_stale_summary(void **state)
{
	struct smudge_bitmap *bitmap;
	struct smudge_run run;

	assert_int_equal(smudge_bitmap_create(2 * 4096, &bitmap, NULL), 0);
	atomic_store(&bitmap->mark_lines[1], 1);
	atomic_store(&bitmap->mark_groups[0], 1);
	atomic_store(&bitmap->marked, 1);
	assert_false(smudge_bitmap_next_dirty(bitmap, 0, 2 * 4096, &run));
	assert_null(check_insides(bitmap));
	smudge_bitmap_destroy(bitmap);
}

#define SPARSE_GROUPS 8192

/* One page of the word in each group. */
static void merge_word(struct smudge_bitmap *bitmap, unsigned int word)
{
	uint64_t *bits = calloc(SPARSE_GROUPS * 64, 8);

	assert_non_null(bits);
	for (unsigned int group = 0; group < SPARSE_GROUPS; group++)
		bits[group * 64 + word] = htole64(1);
	assert_int_equal(smudge_bitmap_merge(&bitmap, 1, 0, bits, 0,
					     SPARSE_GROUPS * SMI_GROUP_PAGES),
			 0);
	free(bits);
}

/* While all groups are packed the memory of spread ones is not touched. */
static void test_sparse_is_small(void **state)
{
	uint64_t npages = SPARSE_GROUPS * SMI_GROUP_PAGES, spread = npages / 8;
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;

	assert_int_equal(smudge_bitmap_create(npages, &bitmap, NULL), 0);
	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	for (unsigned int word = 0; word < 8; word++)
		merge_word(bitmap, word);
	for (uint64_t page = 0; page < npages; page += SMI_GROUP_PAGES) {
		smudge_bitmap_clear_range(bitmap, page + 64, 1);
		smudge_bitmap_set_range(bitmap, page + 64, 2);
		assert_int_equal(smudge_bitmap_take(bitmap, page, 1, batch), 0);
		smudge_bitmap_return(bitmap, batch);
	}
	assert_int_equal(smudge_bitmap_count(bitmap, 0, npages),
			 9 * SPARSE_GROUPS);
	assert_in_range(smudge_bitmap_resident_bytes(bitmap), 1, spread / 2);
	smudge_batch_destroy(batch);
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_one_group, test_several_groups, test_last_part,
	  test_merged_halves, test_stale_summary, test_sparse_is_small)
