/* SPDX-License-Identifier: MIT */
/*
 * The mark plane: lock-free marks, and the drain that empties it. mark.h has
 * the protocol, and the argument that it loses nothing.
 *
 * Costs. A mark of a page that was marked since the last drain: four loads.
 * Any other: one atomic OR, and one more for each group bit and root that is
 * clear. A drain of an empty plane: one load. Any other drain: a look at each
 * word of group bits (1,024 for 2^28 pages), at the eight lines of each marked
 * group and at the eight words of each marked line, one exchange per word that
 * holds marks, and a membarrier. Without membarrier a mark also costs a fence.
 */
#include "bitmap/mark.h"

#include "bitmap/group.h"
#include "sys/barrier.h"
#include "sys/probe.h"

/*
 * Before the OR of a word: its line's byte, so that the OR's barrier is the
 * byte's as well. Relaxed: only a hint, which ensure_line checks after the OR.
 */
static inline void store_early(_Atomic uint8_t *line)
{
	if (!atomic_load_explicit(line, memory_order_relaxed))
		atomic_store_explicit(line, 1, memory_order_relaxed);
}

/*
 * Set all of @mask in word @word. Pairs with fetch_and_clear. All accesses to
 * the plane but those of store_early are seq_cst: see mark.h.
 */
static inline void ensure_word(struct smudge_bitmap *b, uint64_t word,
			       uint64_t mask)
{
	uint64_t now = atomic_load_explicit(&b->mark_words[word],
					    memory_order_seq_cst);

	if (!(mask & ~now))
		return;
	SMI_SYS_PROBE(mark_first, b, word, mask);
	store_early(&b->mark_lines[smi_word_line(word)]);
	atomic_fetch_or_explicit(&b->mark_words[word], mask,
				 memory_order_seq_cst);
}

/* Pairs with fetch_and_clear_line. */
static inline void ensure_line(_Atomic uint8_t *line)
{
	if (!atomic_load_explicit(line, memory_order_seq_cst))
		atomic_fetch_or_explicit(line, 1, memory_order_seq_cst);
}

/* Set bit @bit % 64 of a word of group bits, or of the root. */
static inline void ensure_bit(_Atomic uint64_t *word, uint64_t bit)
{
	uint64_t now = atomic_load_explicit(word, memory_order_seq_cst);

	if (!(now >> (bit & 63) & 1))
		atomic_fetch_or_explicit(word, UINT64_C(1) << (bit & 63),
					 memory_order_seq_cst);
}

/* Relaxed: a marker that reads the old value is like an earlier one. */
static inline uint64_t fast_npages(const struct smudge_bitmap *b)
{
	return atomic_load_explicit(&b->fast_npages, memory_order_relaxed);
}

/* Pages [first, last] of one group, and the summaries but for the root. */
static inline void mark_part(struct smudge_bitmap *b, uint64_t first,
			     uint64_t last)
{
	uint64_t word = smi_page_word(first), last_word = smi_page_word(last);
	uint64_t line = smi_word_line(word), last_line;
	uint64_t group = smi_page_group(first);
	uint64_t mask = SMI_ALL_ONES << (first & 63);

	for (; word < last_word; word++, mask = SMI_ALL_ONES)
		ensure_word(b, word, mask);
	ensure_word(b, word, mask & SMI_ALL_ONES >> (~last & 63));
	for (last_line = smi_word_line(word); line <= last_line; line++)
		ensure_line(&b->mark_lines[line]);
	ensure_bit(&b->mark_groups[smi_level2_word(group)], group);
}

/* Any range. Kept out of line: the usual ways need no stack. */
static __attribute__((noinline)) void mark_any(struct smudge_bitmap *b,
					       uint64_t first, uint64_t npages)
{
	/* Relaxed: resize.h says why an old size may be read. */
	if (!smi_clamp(
		    atomic_load_explicit(&b->mark_npages, memory_order_relaxed),
		    first, &npages))
		return;
	if (!fast_npages(b))
		atomic_thread_fence(memory_order_seq_cst);
	for (uint64_t end = first + npages; first < end;) {
		uint64_t next = (first | (SMI_GROUP_PAGES - 1)) + 1;

		next = next < end ? next : end;
		mark_part(b, first, next - 1);
		first = next;
	}
	ensure_bit(&b->marked, 0);
}

/*
 * Writes nothing where every bit is set. The content was stored before the bits
 * are loaded: the signal fence orders them for the compiler, and the drain's
 * membarrier for the processor.
 */
void smudge_bitmap_mark(struct smudge_bitmap *b, uint64_t page)
{
	uint64_t word = smi_page_word(page), group = smi_page_group(page);

	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(page >= fast_npages(b), 0)) {
		mark_any(b, page, 1);
		return;
	}
	ensure_word(b, word, UINT64_C(1) << (page & 63));
	ensure_line(&b->mark_lines[smi_word_line(word)]);
	ensure_bit(&b->mark_groups[smi_level2_word(group)], group);
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
static inline uint64_t fetch_and_clear(_Atomic uint64_t *word)
{
	if (!atomic_load_explicit(word, memory_order_seq_cst))
		return 0;
	return atomic_exchange_explicit(word, 0, memory_order_seq_cst);
}

/* The same for the byte of a line. */
static inline bool fetch_and_clear_line(_Atomic uint8_t *line)
{
	if (!atomic_load_explicit(line, memory_order_seq_cst))
		return false;
	return atomic_exchange_explicit(line, 0, memory_order_seq_cst);
}

/* Line @i of a group: its words go to @words, and @add says what they are. */
static inline void drain_line(struct smudge_bitmap *b, uint64_t group,
			      unsigned int i, uint64_t *words,
			      struct smi_group *add)
{
	unsigned int end = (i + 1) * SMI_LINE_WORDS;

	if (!fetch_and_clear_line(&b->mark_lines[group * SMI_GROUP_LINES + i]))
		return;
	for (i *= SMI_LINE_WORDS; i < end; i++) {
		words[i] = fetch_and_clear(
			&b->mark_words[group * SMI_GROUP_WORDS + i]);
		add->ones |= (uint64_t)(words[i] == SMI_ALL_ONES) << i;
		add->mixed |= (uint64_t)(words[i] != 0) << i;
	}
}

/* Out of the words that @add has: pages that do not exist (resize.h). */
static void drop_beyond(const struct smudge_bitmap *b, uint64_t group,
			uint64_t *words, struct smi_group *add)
{
	uint64_t dirty = smi_group_dirty(*add);
	unsigned int end = 0;

	if (group < b->ngroups)
		end = (unsigned int)smi_group_npages(b, group);
	*add = (struct smi_group){0, 0};
	for (; dirty; dirty &= dirty - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(dirty);

		words[i] &= smi_word_mask(i, 0, end);
		if (words[i] == SMI_ALL_ONES)
			add->ones |= UINT64_C(1) << i;
		else if (words[i])
			add->mixed |= UINT64_C(1) << i;
	}
}

static void drain_group(struct smudge_bitmap *b, uint64_t group)
{
	uint64_t words[SMI_GROUP_WORDS];
	struct smi_group add = {0, 0};

	for (unsigned int i = 0; i < SMI_GROUP_LINES; i++)
		drain_line(b, group, i, words, &add);
	add.mixed &= ~add.ones;
	if (group + 1 >= b->ngroups)
		drop_beyond(b, group, words, &add);
	smi_group_or(b, group, words, 0, &add);
}

/*
 * Make the stores visible that markers made before their marks. If a system
 * call filter that was installed later forbids membarrier, markers fence from
 * now on, and one barrier of another kind is owed for those that did not.
 */
static void barrier(struct smudge_bitmap *b)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (fast_npages(b) && !smi_sys_barrier()) {
		/* Relaxed: the owed barrier makes all threads see it. */
		atomic_store_explicit(&b->fast_npages, 0, memory_order_relaxed);
		b->owes_barrier = true;
	}
	if (b->owes_barrier)
		b->owes_barrier = !smi_sys_barrier_slow();
}

void smi_bitmap_drain_marks(struct smudge_bitmap *b)
{
	if (!fetch_and_clear(&b->marked)) {
		if (b->owes_barrier)
			barrier(b);
		return;
	}
	for (uint64_t k = 0; k < b->nmark_level2; k++) {
		uint64_t groups = fetch_and_clear(&b->mark_groups[k]);

		for (; groups; groups &= groups - 1)
			drain_group(b,
				    k * 64 + (uint64_t)__builtin_ctzll(groups));
	}
	barrier(b);
}
