/* SPDX-License-Identifier: MIT */
/*
 * The two places for the mixed words of a group.
 *
 * A group is spread if it uses the place for all its 64 words, in which word i
 * is in slot i. A group with few mixed words is packed: it keeps them in order
 * in the first slots of one cache line. The lines of all groups are side by
 * side, so where few pages are dirty, an eighth of the memory is walked. The
 * mask of mixed words alone says whether a group is packed.
 *
 * A change of a packed group may spread its words to a buffer first and pack
 * them afterwards, so that the memory of all 64 is not touched. Slots that are
 * not in use hold rubbish.
 */
#ifndef LIB_BITMAP_KERNELS_PACKING_H
#define LIB_BITMAP_KERNELS_PACKING_H

#include <stdbool.h>
#include <stdint.h>

/* The words in a cache line of 64 bytes. */
#define SMI_PACKED_WORDS 8

/* The two places of a group. */
struct smi_store {
	uint64_t *spread; /* [64] */
	uint64_t *packed; /* [SMI_PACKED_WORDS] */
};

static inline unsigned int smi_count_bits(uint64_t mask)
{
	return (unsigned int)__builtin_popcountll(mask);
}

static inline bool smi_is_packed(uint64_t mixed)
{
	return smi_count_bits(mixed) <= SMI_PACKED_WORDS;
}

/* The slots that the words are in. */
static inline uint64_t *smi_slots(struct smi_store store, uint64_t mixed)
{
	return smi_is_packed(mixed) ? store.packed : store.spread;
}

/* The slots that are in use. */
static inline uint64_t smi_used_slots(uint64_t mixed)
{
	unsigned int n = smi_count_bits(mixed);

	return n <= SMI_PACKED_WORDS ? (UINT64_C(1) << n) - 1 : mixed;
}

/* Mixed word @i, for a caller that reads one word only. */
static inline uint64_t smi_stored_word(struct smi_store store, uint64_t mixed,
				       unsigned int i)
{
	uint64_t below = mixed & ((UINT64_C(1) << i) - 1);
	unsigned int slot = smi_is_packed(mixed) ? smi_count_bits(below) : i;

	return smi_slots(store, mixed)[slot];
}

static inline void smi_spread(struct smi_store store, uint64_t mixed)
{
	unsigned int slot = 0;

	if (!smi_is_packed(mixed))
		return;
	for (; mixed; mixed &= mixed - 1)
		store.spread[__builtin_ctzll(mixed)] = store.packed[slot++];
}

static inline void smi_pack(struct smi_store store, uint64_t mixed)
{
	unsigned int slot = 0;

	if (!smi_is_packed(mixed))
		return;
	for (; mixed; mixed &= mixed - 1)
		store.packed[slot++] = store.spread[__builtin_ctzll(mixed)];
}

#endif
