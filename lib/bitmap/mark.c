/* SPDX-License-Identifier: MIT */
/*
 * The mark plane: lock-free marks, and the drain that empties it. The
 * protocol and why it loses nothing stand in mark.h.
 *
 * Costs: a mark of a page marked since the last drain four loads, else one
 * atomic OR a level that lacks the bit; a drain of an empty plane one load,
 * else a look at every word of level 2 (1,024 for 2^28 pages), one exchange
 * for each word that holds marks, and a membarrier. Once membarrier is refused,
 * a mark also costs a fence, and a drain none.
 */
#include "bitmap/mark.h"

#include "bitmap/group.h"
#include "sys/barrier.h"

/*
 * Make sure all of @mask is set in @word. Pairs with the drain's grab. All
 * accesses to the plane are seq_cst: see mark.h.
 */
static inline void ensure(_Atomic uint64_t *word, uint64_t mask)
{
	uint64_t now = atomic_load_explicit(word, memory_order_seq_cst);

	if (mask & ~now)
		atomic_fetch_or_explicit(word, mask, memory_order_seq_cst);
}

/* The same for bit @bit % 64 alone. */
static inline void ensure_bit(_Atomic uint64_t *word, uint64_t bit)
{
	uint64_t now = atomic_load_explicit(word, memory_order_seq_cst);

	if (!(now >> (bit & 63) & 1))
		atomic_fetch_or_explicit(word, UINT64_C(1) << (bit & 63),
					 memory_order_seq_cst);
}

/* Relaxed: a marker that reads it late is as one that came early. */
static inline uint64_t fast_npages(const struct smudge_bitmap *b)
{
	return atomic_load_explicit(&b->fast_npages, memory_order_relaxed);
}

/* Pages [first, last] of one group, bottom up to level 2. */
static inline void mark_part(struct smudge_bitmap *b, uint64_t first,
			     uint64_t last)
{
	uint64_t word = smi_page_word(first), last_word = smi_page_word(last);
	uint64_t group = smi_page_group(first);
	uint64_t mask = SMI_ALL_ONES << (first & 63);
	uint64_t words = UINT64_MAX << (word & 63);

	for (; word < last_word; word++, mask = SMI_ALL_ONES)
		ensure(&b->mark[0][word], mask);
	ensure(&b->mark[0][word], mask & SMI_ALL_ONES >> (~last & 63));
	ensure(&b->mark[1][group], words & SMI_ALL_ONES >> (~word & 63));
	ensure_bit(&b->mark[2][smi_level2_word(group)], group);
}

/* Any range. Kept out of line: the usual ways need no stack. */
static __attribute__((noinline)) void mark_any(struct smudge_bitmap *b,
					       uint64_t first, uint64_t npages)
{
	uint64_t end;

	if (!smi_bitmap_clamp(b, first, &npages))
		return;
	if (!fast_npages(b))
		atomic_thread_fence(memory_order_seq_cst);
	for (end = first + npages; first < end;) {
		uint64_t next = (first | (SMI_GROUP_PAGES - 1)) + 1;

		next = next < end ? next : end;
		mark_part(b, first, next - 1);
		first = next;
	}
	ensure_bit(&b->marked, 0);
}

/*
 * Where every bit is set already nothing is written. The content was stored
 * before the bits are looked at: for the compiler here, for the processor by
 * the drain's membarrier.
 */
void smudge_bitmap_mark(struct smudge_bitmap *b, uint64_t page)
{
	uint64_t word = smi_page_word(page), group = smi_page_group(page);

	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(page >= fast_npages(b), 0)) {
		mark_any(b, page, 1);
		return;
	}
	ensure_bit(&b->mark[0][word], page);
	ensure_bit(&b->mark[1][group], word);
	ensure_bit(&b->mark[2][smi_level2_word(group)], group);
	ensure_bit(&b->marked, 0);
}

void smudge_bitmap_mark_range(struct smudge_bitmap *b, uint64_t first,
			      uint64_t npages)
{
	uint64_t last = first + npages - 1;

	atomic_signal_fence(memory_order_seq_cst);
	if (last < first || last >= fast_npages(b) ||
	    smi_page_group(first) != smi_page_group(last)) {
		mark_any(b, first, npages);
		return;
	}
	mark_part(b, first, last);
	ensure_bit(&b->marked, 0);
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
	uint64_t words[SMI_GROUP_WORDS];
	struct smi_group add = {0, 0};

	for (; summary; summary &= summary - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(summary);

		words[i] = grab(&b->mark[0][group * SMI_GROUP_WORDS + i]);
		add.ones |= (uint64_t)(words[i] == SMI_ALL_ONES) << i;
		add.mixed |= (uint64_t)(words[i] != 0) << i;
	}
	add.mixed &= ~add.ones;
	smi_group_or(b, group, words, 0, add);
}

/*
 * Make the stores that marks announced visible. A system call filter that was
 * installed since the bitmap was made may forbid membarrier: then markers fence
 * from now on, and one barrier of another kind is owed for those that did not.
 */
static void barrier(struct smudge_bitmap *b)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (fast_npages(b) && !smi_sys_barrier()) {
		/* Relaxed: the barrier that is owed takes it to all threads. */
		atomic_store_explicit(&b->fast_npages, 0, memory_order_relaxed);
		b->owes_barrier = true;
	}
	if (b->owes_barrier)
		b->owes_barrier = !smi_sys_barrier_slow();
}

void smi_bitmap_drain(struct smudge_bitmap *b)
{
	if (!grab(&b->marked)) {
		if (b->owes_barrier)
			barrier(b);
		return;
	}
	for (uint64_t k = 0; k < b->nwords[2]; k++) {
		uint64_t groups = grab(&b->mark[2][k]);

		for (; groups; groups &= groups - 1)
			drain_group(b,
				    k * 64 + (uint64_t)__builtin_ctzll(groups));
	}
	barrier(b);
}
