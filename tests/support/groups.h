/* SPDX-License-Identifier: MIT */
/*
 * Groups of 64 words, drawn at random, and the naive definition of how a map
 * keeps them.
 */
#ifndef TESTS_SUPPORT_GROUPS_H
#define TESTS_SUPPORT_GROUPS_H

#include "support.h"

#include "bitmap/kernels/kernels.h"

/* Words of many kinds: kernels choose their way by how many are not zero. */
void group_draw(struct test_rng *rng, uint64_t *words, size_t nwords);

/* Some of @words zero, so that groups meet that have little in common. */
void group_thin_out(struct test_rng *rng, uint64_t *words);

struct smi_group group_naive(const uint64_t *words);
bool group_is_same(struct smi_group a, struct smi_group b);

/* As a map keeps them: slots that are not used hold leftovers. */
struct smi_group group_keep(struct test_rng *rng, const uint64_t *words,
			    struct smi_store store);
bool group_is_kept(struct smi_group g, struct smi_store store,
		   const uint64_t *words);

#endif
