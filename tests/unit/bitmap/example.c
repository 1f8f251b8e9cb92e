/* SPDX-License-Identifier: MIT */
/*
 * The example of layout.h, every word of both planes at every step. Once for
 * each vector variant.
 */
#include "support.h"

#include <endian.h>

#include "bitmap/batch.h"
#include "bitmap/group.h"
#include "bitmap/mark.h"

#define NPAGES 512
#define NWORDS 8

/* Both planes; what is not named is 0. */
struct state {
	uint64_t mark_words[NWORDS], mark_line, mark_group, root;
	uint64_t packed[SMI_PACKED_WORDS], mixed, ones, level2, full;
};

static const struct state created = {0};
static const struct state marked = {
	.mark_words = {[0] = 0x8, [2] = 0x24},
	.mark_line = 0x1,
	.mark_group = 0x1,
	.root = 0x1,
};
static const struct state merged = {
	.mark_words = {[0] = 0x8, [2] = 0x24},
	.mark_line = 0x1,
	.mark_group = 0x1,
	.root = 0x1,
	.packed = {0x8, 0x4},
	.mixed = 0x3,
	.ones = 0x8,
	.level2 = 0x1,
};
static const struct state drained = {
	.packed = {0x8, 0x4, 0x24},
	.mixed = 0x7,
	.ones = 0x8,
	.level2 = 0x1,
};
static const struct state taken = {.packed = {0x8, 0x4, 0x24}};

static void assert_state(struct smudge_bitmap *bitmap,
			 const struct state *state)
{
	for (unsigned int i = 0; i < bitmap->ngroups * SMI_GROUP_WORDS; i++) {
		assert_int_equal(atomic_load(&bitmap->mark_words[i]),
				 i < NWORDS ? state->mark_words[i] : 0);
		assert_int_equal(bitmap->words[i], 0);
	}
	for (unsigned int i = 0; i < SMI_PACKED_WORDS; i++)
		assert_int_equal(bitmap->packed[i], state->packed[i]);
	for (unsigned int i = 0; i < SMI_GROUP_LINES; i++)
		assert_int_equal(atomic_load(&bitmap->mark_lines[i]),
				 i == 0 ? state->mark_line : 0);
	assert_int_equal(atomic_load(&bitmap->mark_groups[0]),
			 state->mark_group);
	assert_int_equal(atomic_load(&bitmap->marked), state->root);
	assert_int_equal(bitmap->groups[0].mixed, state->mixed);
	assert_int_equal(bitmap->groups[0].ones, state->ones);
	assert_int_equal(bitmap->level2[0], state->level2);
	assert_int_equal(bitmap->full[0], state->full);
}

static void assert_edges(const struct smudge_batch *batch)
{
	static const uint32_t edges[] = {3,   4,   66,	67,  130,
					 131, 133, 134, 192, 256};

	assert_int_equal(batch->base_page, 0);
	assert_int_equal(batch->nedges, sizeof(edges) / sizeof(edges[0]));
	assert_memory_equal(batch->edges, edges, sizeof(edges));
}

static void test_example(void **state)
{
	uint64_t log[NWORDS] = {htole64(0x8), htole64(0x4), 0,
				htole64(SMI_ALL_ONES)};
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;

	assert_int_equal(smudge_bitmap_create(NPAGES, &bitmap, NULL), 0);
	assert_int_equal(smudge_batch_create(0, &batch, NULL), 0);
	assert_state(bitmap, &created);
	smudge_bitmap_mark(bitmap, 3);
	smudge_bitmap_mark(bitmap, 130);
	smudge_bitmap_mark(bitmap, 133);
	assert_state(bitmap, &marked);
	assert_int_equal(smudge_bitmap_merge(&bitmap, 1, 0, log, 0, NPAGES), 0);
	assert_state(bitmap, &merged);
	smi_bitmap_drain(bitmap);
	assert_state(bitmap, &drained);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, NPAGES, batch), 0);
	assert_state(bitmap, &taken);
	assert_edges(batch);
	smudge_batch_discard(batch);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_example)
