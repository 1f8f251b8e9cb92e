/* SPDX-License-Identifier: MIT */
/*
 * A merge looks at its source in blocks, of 32 groups, or of 4 where bits
 * have to be shifted, and a shifted block ends inside a word that the next one
 * begins with. So: one dirty page in nothing, and one clean page in all, at
 * and around each group where a block may end, at offsets of every kind, from
 * buffers that begin and end at memory that must not be read. What was found is
 * counted too. Once for each vector variant.
 */
#include "support.h"
#include "arena.h"

#include <string.h>

#include <smudge/bitmap.h>

#include "bitmap/merge.h"

#define GROUP	 UINT64_C(4096)
#define NPAGES	 (260 * GROUP + 70)
#define NBYTES	 ((NPAGES + 3 * 64) / 64 * 8 + 8)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct rig {
	struct smudge_bitmap *bitmap[2];
	struct arena arena;
	unsigned int turn;
};

static void open_rig(struct rig *rig)
{
	assert_int_equal(smudge_bitmap_create(NPAGES, &rig->bitmap[0], NULL),
			 0);
	assert_int_equal(
		smudge_bitmap_create(NPAGES + 5, &rig->bitmap[1], NULL), 0);
	rig->arena = arena_create(NBYTES);
	rig->turn = 0;
}

static void close_rig(struct rig *rig)
{
	smudge_bitmap_destroy(rig->bitmap[0]);
	smudge_bitmap_destroy(rig->bitmap[1]);
	arena_destroy(&rig->arena);
}

/* A kernel's bitmap of pages [first, NPAGES), bit @offset first. */
struct source {
	uint8_t *bits;
	uint64_t first, offset, npages;
};

/*
 * Bits inside the range are those of @byte, bits outside are the opposite. The
 * buffer is no longer than needed. If @skew is 0, it touches the guard page
 * before or behind it, in turns; else it begins @skew bytes behind the first
 * guard page, so it is not aligned.
 */
static struct source draw(struct rig *rig, uint64_t first, uint64_t offset,
			  unsigned int skew, uint8_t byte)
{
	struct source s = {NULL, first, offset, NPAGES - first};
	size_t nwords = (size_t)((offset + s.npages + 63) / 64);

	s.bits =
		skew ? rig->arena.start + skew
		     : (uint8_t *)arena_words(&rig->arena, rig->turn++, nwords);
	memset(s.bits, byte, nwords * 8);
	for (uint64_t i = 0; i < nwords * 64; i++) {
		if (i == offset)
			i += s.npages;
		if (i < nwords * 64)
			s.bits[i / 8] ^= (uint8_t)(1U << i % 8);
	}
	return s;
}

static void flip(const struct source *s, uint64_t page)
{
	uint64_t bit = s->offset + (page - s->first);

	s->bits[bit / 8] ^= (uint8_t)(1U << bit % 8);
}

static void merge(struct rig *rig, const struct source *s, uint64_t expected)
{
	uint64_t found = 0;

	assert_int_equal(smi_bitmap_merge(rig->bitmap, 2, s->first, s->bits,
					  s->offset, s->npages, &found),
			 0);
	if (found != expected)
		fail_msg("%llu pages found, not %llu: page %llu at bit %llu",
			 (unsigned long long)found,
			 (unsigned long long)expected,
			 (unsigned long long)s->first,
			 (unsigned long long)s->offset);
}

static void expect(bool is_found, const struct smudge_run *run, uint64_t first,
		   uint64_t end, const struct source *s)
{
	uint64_t npages = end - first;

	if (is_found == (npages != 0) &&
	    (!npages || (run->first_page == first && run->npages == npages)))
		return;
	fail_msg("pages %llu to %llu differ: page %llu at bit %llu",
		 (unsigned long long)first, (unsigned long long)end,
		 (unsigned long long)s->first, (unsigned long long)s->offset);
}

/* Dirty are [first, end) but @hole, which is at @end where there is none. */
static void expect_both(struct rig *rig, const struct source *s, uint64_t first,
			uint64_t end, uint64_t hole)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct smudge_bitmap *b = rig->bitmap[i];
		uint64_t after = hole < end ? hole + 1 : end;
		uint64_t left = first < hole ? first : after;
		struct smudge_run run = {0, 0};

		expect(smudge_bitmap_next_dirty(b, 0, hole, &run), &run, first,
		       hole, s);
		expect(smudge_bitmap_next_dirty(b, hole, NPAGES + 5, &run),
		       &run, after, end, s);
		expect(smudge_bitmap_next_clean(b, left, end, &run), &run,
		       hole > left ? hole : end, hole > left ? after : end, s);
		smudge_bitmap_clear_range(b, 0, UINT64_MAX);
	}
}

/* Where blocks of 4 or 32 groups end, wherever the merge begins. */
static const uint64_t groups[] = {0,   1,   3,	 4,   5,   8,	31,
				  32,  33,  36,	 127, 128, 129, 132,
				  255, 256, 257, 259, 260};
static const int64_t nearby[] = {-65, -64, -63, -1, 0, 1, 62, 63, 64};

/* That page alone is dirty, or alone clean. */
static void try_page(struct rig *rig, const struct source *s, bool is_ones,
		     uint64_t page)
{
	flip(s, page);
	merge(rig, s, is_ones ? s->npages - 1 : 1);
	flip(s, page);
	if (is_ones)
		expect_both(rig, s, s->first, NPAGES, page);
	else
		expect_both(rig, s, page, page + 1, page + 1);
}

static void try_pages(struct rig *rig, uint64_t first, uint64_t offset,
		      unsigned int skew, bool is_ones)
{
	struct source s = draw(rig, first, offset, skew, is_ones ? 0xff : 0);

	for (size_t i = 0; i < COUNT(groups); i++)
		for (size_t j = 0; j < COUNT(nearby); j++) {
			uint64_t page = groups[i] * GROUP + (uint64_t)nearby[j];

			if (page >= first && page < NPAGES)
				try_page(rig, &s, is_ones, page);
		}
	merge(rig, &s, is_ones ? s.npages : 0);
	expect_both(rig, &s, is_ones ? first : NPAGES, NPAGES, NPAGES);
}

static void test_in_place(void **state)
{
	static const uint64_t firsts[] = {0, 1, 64, 4095, GROUP, GROUP + 70};
	struct rig rig;

	open_rig(&rig);
	for (size_t i = 0; i < COUNT(firsts); i++) {
		try_pages(&rig, firsts[i], firsts[i] % 64, 0, false);
		try_pages(&rig, firsts[i], firsts[i] % 64, 0, true);
	}
	close_rig(&rig);
}

static void test_shifted(void **state)
{
	static const uint64_t offsets[] = {1, 2, 31, 32, 62, 63, 65, 127};
	static const uint64_t firsts[] = {0, 64, 4095, GROUP - 64};
	struct rig rig;

	open_rig(&rig);
	for (size_t i = 0; i < COUNT(offsets); i++) {
		uint64_t first = firsts[i % COUNT(firsts)];
		uint64_t offset = first % 64 + offsets[i];

		try_pages(&rig, first, offset, 0, false);
		try_pages(&rig, first, offset, 0, true);
	}
	close_rig(&rig);
}

static void test_not_aligned(void **state)
{
	struct rig rig;

	open_rig(&rig);
	for (unsigned int skew = 1; skew < 8; skew += 3) {
		try_pages(&rig, 64, 0, skew, skew & 2);
		try_pages(&rig, 5, 70 + skew, skew, !(skew & 2));
	}
	close_rig(&rig);
}

TEST_MAIN(test_in_place, test_shifted, test_not_aligned)
