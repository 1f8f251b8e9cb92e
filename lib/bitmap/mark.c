/* SPDX-License-Identifier: MIT */
/*
 * The mark plane: lock-free marks, and the drain that empties it. The
 * protocol and why it loses nothing stand in bitmap.h.
 *
 * Costs: a mark of a dirty page four loads; of a clean one one atomic OR a
 * level that lacks the bit; a drain of an empty plane one load, else one
 * exchange for each word that holds marks, and a membarrier.
 */
#include "bitmap/bitmap.h"

#include "sys/barrier.h"

/* Make sure all of @mask is set in @word. Pairs with the drain's exchange. */
static inline void ensure(_Atomic uint64_t *word, uint64_t mask)
{
	uint64_t now = atomic_load_explicit(word, memory_order_acquire);

	if (mask & ~now)
		atomic_fetch_or_explicit(word, mask, memory_order_acq_rel);
}

/*
 * The content was stored before the bits are looked at: for the compiler
 * here, for the processor by the drain's membarrier.
 */
static inline void after_content(const struct smudge_bitmap *b)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(&b->fence_in_mark,
						  memory_order_relaxed),
			     0))
		atomic_thread_fence(memory_order_seq_cst);
}

void smudge_bitmap_mark(struct smudge_bitmap *b, uint64_t page)
{
	uint64_t word = page >> 6, group = page >> 12;

	if (page >= b->npages)
		return;
	after_content(b);
	ensure(&b->mark[0][word], UINT64_C(1) << (page & 63));
	ensure(&b->mark[1][group], UINT64_C(1) << (word & 63));
	ensure(&b->mark[2][group >> 6], UINT64_C(1) << (group & 63));
	ensure(&b->marked, 1);
}

/* Pages [first, end) of one group. */
static void mark_part(struct smudge_bitmap *b, uint64_t group,
		      unsigned int first, unsigned int end)
{
	_Atomic uint64_t *words = b->mark[0] + (group << SMI_WORD_SHIFT);
	unsigned int from = first / 64, to = (end + 63) / 64;

	for (unsigned int i = from; i < to; i++)
		ensure(&words[i], smi_word_mask(i, first, end));
	ensure(&b->mark[1][group], smi_mask(from, to));
	ensure(&b->mark[2][group >> 6], UINT64_C(1) << (group & 63));
}

void smudge_bitmap_mark_range(struct smudge_bitmap *b, uint64_t first,
			      uint64_t npages)
{
	uint64_t end;

	if (!smi_bitmap_clamp(b, first, &npages))
		return;
	after_content(b);
	for (end = first + npages; first < end;) {
		uint64_t group = first >> SMI_GROUP_SHIFT;
		uint64_t base = group << SMI_GROUP_SHIFT;
		uint64_t stop = end - base < SMI_GROUP_PAGES ? end - base
							     : SMI_GROUP_PAGES;

		mark_part(b, group, (unsigned int)(first - base),
			  (unsigned int)stop);
		first = base + stop;
	}
	ensure(&b->marked, 1);
}

/* Clear first, then descend: pairs with the order of a mark. */
static uint64_t grab(_Atomic uint64_t *word)
{
	if (!atomic_load_explicit(word, memory_order_relaxed))
		return 0;
	return atomic_exchange_explicit(word, 0, memory_order_acq_rel);
}

static void drain_group(struct smudge_bitmap *b, uint64_t group)
{
	uint64_t summary = grab(&b->mark[1][group]);
	uint64_t *words = smi_bitmap_words(b, group);
	bool is_full = smi_bitmap_is_full(b, group);
	uint64_t found = 0;

	for (; summary; summary &= summary - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(summary);
		uint64_t bits = grab(&b->mark[0][(group << 6) + i]);

		if (!bits || is_full)
			continue;
		words[i] |= bits;
		found |= UINT64_C(1) << i;
	}
	if (found)
		smi_bitmap_set_summary(b, group, b->bits[1][group] | found);
}

void smi_bitmap_drain(struct smudge_bitmap *b)
{
	if (!grab(&b->marked))
		return;
	for (uint64_t k = 0; k < b->nwords[2]; k++) {
		uint64_t groups = grab(&b->mark[2][k]);

		for (; groups; groups &= groups - 1)
			drain_group(b,
				    k * 64 + (uint64_t)__builtin_ctzll(groups));
	}
	/* A fence of the drain's own; a filter installed late may forbid it. */
	if (!atomic_load_explicit(&b->fence_in_mark, memory_order_relaxed) &&
	    !smi_sys_barrier())
		atomic_store_explicit(&b->fence_in_mark, true,
				      memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}
