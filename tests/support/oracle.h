/* SPDX-License-Identifier: MIT */
/*
 * The oracle that a bitmap is compared with: one byte per page, every operation
 * the obvious loop. It knows nothing of words, levels or planes, so it cannot
 * share a mistake with the bitmap. No cmocka here: the fuzzer uses it too. What
 * differs is said in a sentence, not by a failing assertion.
 */
#ifndef TESTS_SUPPORT_ORACLE_H
#define TESTS_SUPPORT_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/bitmap.h>

struct oracle {
	uint64_t npages;
	uint8_t *dirty; /* 0 or 1 each */
};

struct oracle oracle_create(uint64_t npages);
void oracle_destroy(struct oracle *oracle);

/* Ranges are clipped to the map, as the bitmap's are. */
void oracle_assign(struct oracle *oracle, uint64_t first_page, uint64_t npages,
		   bool dirty);
void oracle_merge(struct oracle *oracle, uint64_t first_page,
		  const uint8_t *bits, uint64_t first_bit, uint64_t npages);
void oracle_add_batch(struct oracle *oracle, const struct smudge_batch *batch);

bool oracle_test(const struct oracle *oracle, uint64_t page);
uint64_t oracle_count(const struct oracle *oracle, uint64_t first_page,
		      uint64_t npages);
/* pages of the range that lie inside the map */
uint64_t oracle_clip(const struct oracle *oracle, uint64_t first_page,
		     uint64_t npages);
bool oracle_next_run(const struct oracle *oracle, bool dirty,
		     uint64_t first_page, uint64_t end_page,
		     struct smudge_run *ret);
bool oracle_next_block(const struct oracle *oracle, unsigned int block_shift,
		       uint64_t first_block, uint64_t *ret_block);

/*
 * Is @batch a possible result of a take of the range? If so its pages become
 * clean here too. Return: NULL, or what is wrong.
 */
const char *oracle_take(struct oracle *oracle, uint64_t first_page,
			uint64_t npages, size_t max_runs,
			const struct smudge_batch *batch);

/* The whole map by runs and count, and pages of it. Return: NULL, or what. */
const char *oracle_compare(const struct oracle *oracle,
			   struct smudge_bitmap *bitmap);

#endif
