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

/*
 * Make sure all of @mask is set in @word. Pairs with the drain's grab. All
 * accesses to the plane are seq_cst: see bitmap.h.
 */
static inline void ensure(_Atomic uint64_t *word, uint64_t mask)
{
	uint64_t now = atomic_load_explicit(word, memory_order_seq_cst);

	if (mask & ~now)
		atomic_fetch_or_explicit(word, mask, memory_order_seq_cst);
}

static inline uint64_t look(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_seq_cst);
}

/* Relaxed: a marker that reads it late is as one that came early. */
static inline uint64_t fast_npages(const struct smudge_bitmap *b)
{
	return atomic_load_explicit(&b->fast_npages, memory_order_relaxed);
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

/* Any range, any state. Kept out of line: the fast paths need no stack. */
static __attribute__((noinline)) void mark_slow(struct smudge_bitmap *b,
						uint64_t first, uint64_t npages)
{
	uint64_t end;

	if (!smi_bitmap_clamp(b, first, &npages))
		return;
	if (!fast_npages(b))
		atomic_thread_fence(memory_order_seq_cst);
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

/*
 * Both fast paths: everything is set already, and nothing is written. The
 * content was stored before the bits are looked at: for the compiler here,
 * for the processor by the drain's membarrier.
 */
void smudge_bitmap_mark(struct smudge_bitmap *b, uint64_t page)
{
	uint64_t word = page >> 6, group = page >> 12;

	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(page < fast_npages(b), 1) &&
	    look(&b->mark[0][word]) >> (page & 63) & 1 &&
	    look(&b->mark[1][group]) >> (word & 63) & 1 &&
	    look(&b->mark[2][group >> 6]) >> (group & 63) & 1 &&
	    look(&b->marked))
		return;
	mark_slow(b, page, 1);
}

void smudge_bitmap_mark_range(struct smudge_bitmap *b, uint64_t first,
			      uint64_t npages)
{
	uint64_t last = first + npages - 1;
	uint64_t word = first >> 6, last_word = last >> 6, group = first >> 12;
	uint64_t words = smi_mask(word & 63, (last_word & 63) + 1);
	uint64_t missing = SMI_ALL_ONES << (first & 63);

	atomic_signal_fence(memory_order_seq_cst);
	if (last < first || last >= fast_npages(b) || last >> 12 != group) {
		mark_slow(b, first, npages);
		return;
	}
	for (; word < last_word; word++, missing = SMI_ALL_ONES) {
		if (missing & ~look(&b->mark[0][word]))
			break;
	}
	missing &= SMI_ALL_ONES >> (63 - (last & 63));
	if (word == last_word && !(missing & ~look(&b->mark[0][word])) &&
	    !(words & ~look(&b->mark[1][group])) &&
	    look(&b->mark[2][group >> 6]) >> (group & 63) & 1 &&
	    look(&b->marked))
		return;
	mark_slow(b, first, npages);
}

/* Clear first, then descend: pairs with the order of a mark. */
static uint64_t grab(_Atomic uint64_t *word)
{
	if (!atomic_load_explicit(word, memory_order_seq_cst))
		return 0;
	return atomic_exchange_explicit(word, 0, memory_order_seq_cst);
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
	if (!found)
		return;
	smi_bitmap_set_summary(b, group, b->bits[1][group] | found);
	if (found == SMI_ALL_ONES && b->kernels->is_all_ones(words))
		smi_bitmap_fill_group(b, group);
}

/*
 * Make the stores that marks announced visible. A system call filter that was
 * installed since the bitmap was made may forbid it: markers fence from then
 * on, and this one time the processors' own haste is relied on.
 */
static void barrier(struct smudge_bitmap *b)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (fast_npages(b) && !smi_sys_barrier())
		atomic_store_explicit(&b->fast_npages, 0, memory_order_relaxed);
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
	barrier(b);
}
