/* SPDX-License-Identifier: MIT */
/*
 * A bitmap's life, its memory, and the owner's changes of whole groups and
 * ranges. Layout and invariants: bitmap.h.
 *
 * Costs: create and destroy a few system calls; set and clear of a range one
 * step a group plus its two partial groups; fill 8 KiB per TiB and a madvise,
 * which costs what is populated.
 */
#include "bitmap/bitmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/barrier.h"

static size_t round_to_page(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) & ~(page - 1);
}

/*
 * No huge pages, which some distributions give to every mapping: the first
 * bit in 64 GiB of guest would cost 2 MiB of zeros. A kernel that has none
 * refuses the advice, and nothing is lost.
 */
static void *reserve(size_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	(void)madvise(base, bytes, MADV_NOHUGEPAGE);
	return base;
}

/* Levels begin on pages of their own, so that each can be given back. */
static void *carve(void *base, size_t *offset, size_t bytes)
{
	void *here = (char *)base + *offset;

	*offset += round_to_page(bytes);
	return here;
}

static bool map_planes(struct smudge_bitmap *b)
{
	size_t words = b->nwords[0] * 8, level2 = b->nwords[2] * 8;
	size_t groups = b->nwords[1] * sizeof(*b->groups);
	size_t packed = b->nwords[1] * SMI_PACKED_WORDS * 8;
	size_t offset = 0;

	for (unsigned int i = 0; i < SMI_LEVELS; i++)
		b->mark_bytes += round_to_page(b->nwords[i] * 8);
	b->bits_bytes = round_to_page(words) + round_to_page(packed) +
			round_to_page(groups) + 2 * round_to_page(level2);
	b->mark_base = reserve(b->mark_bytes);
	b->bits_base = reserve(b->bits_bytes);
	if (!b->mark_base || !b->bits_base)
		return false;
	for (unsigned int i = 0; i < SMI_LEVELS; i++)
		b->mark[i] = carve(b->mark_base, &offset, b->nwords[i] * 8);
	offset = 0;
	b->words = carve(b->bits_base, &offset, words);
	b->packed = carve(b->bits_base, &offset, packed);
	b->groups = carve(b->bits_base, &offset, groups);
	b->level2 = carve(b->bits_base, &offset, level2);
	b->full = carve(b->bits_base, &offset, level2);
	return true;
}

int smudge_bitmap_create(uint64_t npages, struct smudge_bitmap **ret)
{
	struct smudge_bitmap *b;
	uint64_t n = npages;

	if (npages == 0 || npages > SMUDGE_BITMAP_MAX_PAGES)
		return -EINVAL;
	b = aligned_alloc(64, sizeof(*b));
	if (!b)
		return -ENOMEM;
	memset(b, 0, sizeof(*b));
	b->npages = npages;
	for (unsigned int i = 0; i < SMI_LEVELS; i++) {
		n = (n + 63) >> SMI_WORD_SHIFT;
		/* Whole groups, so that kernels need no tail. */
		b->nwords[i] = i == 0 ? (n + 63) & ~UINT64_C(63) : n;
	}
	if (!map_planes(b)) {
		smudge_bitmap_destroy(b);
		return -ENOMEM;
	}
	atomic_init(&b->fast_npages, smi_sys_barrier_register() ? npages : 0);
	b->kernels = smi_kernels_choose();
	*ret = b;
	return 0;
}

void smudge_bitmap_destroy(struct smudge_bitmap *b)
{
	if (!b)
		return;
	if (b->mark_base)
		munmap(b->mark_base, b->mark_bytes);
	if (b->bits_base)
		munmap(b->bits_base, b->bits_bytes);
	free(b);
}

uint64_t smudge_bitmap_npages(const struct smudge_bitmap *b)
{
	return b->npages;
}

static size_t resident(void *base, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in_core[1024];
	size_t populated = 0;

	for (size_t at = 0; at < bytes;) {
		size_t step = sizeof(in_core) * page;

		if (step > bytes - at)
			step = bytes - at;
		if (mincore((char *)base + at, step, in_core) < 0)
			return bytes; /* cannot know: the most it may be */
		for (size_t i = 0; i < step / page; i++)
			populated += in_core[i] & 1;
		at += step;
	}
	return populated * page;
}

size_t smudge_bitmap_resident_bytes(const struct smudge_bitmap *b)
{
	return sizeof(*b) + resident(b->mark_base, b->mark_bytes) +
	       resident(b->bits_base, b->bits_bytes);
}

static void set_bit(uint64_t *words, uint64_t index, bool value)
{
	uint64_t bit = UINT64_C(1) << (index & 63);

	if (value)
		words[index >> 6] |= bit;
	else
		words[index >> 6] &= ~bit;
}

void smi_bitmap_clear_group(struct smudge_bitmap *b, uint64_t group)
{
	b->groups[group] = (struct smi_group){0, 0};
	set_bit(b->level2, group, false);
	set_bit(b->full, group, false);
}

void smi_bitmap_fill_group(struct smudge_bitmap *b, uint64_t group)
{
	smi_bitmap_clear_group(b, group);
	set_bit(b->full, group, true);
}

void smi_bitmap_summarize(struct smudge_bitmap *b, uint64_t group)
{
	struct smi_group g = b->groups[group];

	if (g.ones == SMI_ALL_ONES)
		smi_bitmap_fill_group(b, group);
	else
		set_bit(b->level2, group, smi_group_dirty(g));
}

void smi_bitmap_or(struct smudge_bitmap *b, uint64_t group, const uint64_t *src,
		   unsigned int first, struct smi_group add)
{
	if (smi_bitmap_is_full(b, group))
		return;
	b->kernels->or_part(smi_bitmap_store(b, group), &b->groups[group], src,
			    first, add);
	smi_bitmap_summarize(b, group);
}

/* A full group says so in its words; if they are 64, against B2. */
static void unfold(struct smudge_bitmap *b, uint64_t group)
{
	uint64_t npages = smi_bitmap_group_pages(b, group);
	struct smi_group *g = &b->groups[group];

	if (!smi_bitmap_is_full(b, group))
		return;
	set_bit(b->full, group, false);
	for (unsigned int i = 0; i < npages / 64; i++)
		g->ones |= UINT64_C(1) << i;
	if (npages % 64) {
		g->mixed = UINT64_C(1) << npages / 64;
		smi_bitmap_store(b, group).packed[0] =
			smi_mask(0, (unsigned int)(npages % 64));
	}
}

/* Words that are at @spread, home or a buffer, are kept where they belong. */
static void keep(struct smi_store home, uint64_t *spread, uint64_t mixed)
{
	struct smi_store work = {spread, home.packed};

	smi_pack(work, mixed);
	if (smi_is_packed(mixed) || spread == home.spread)
		return;
	for (; mixed; mixed &= mixed - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mixed);

		home.spread[i] = spread[i];
	}
}

void smi_bitmap_split(struct smudge_bitmap *b, uint64_t group,
		      unsigned int first, unsigned int end, uint64_t *out)
{
	struct smi_group *g = &b->groups[group];
	struct smi_store home = smi_bitmap_store(b, group), work = home;
	uint64_t buffer[SMI_GROUP_WORDS];

	unfold(b, group);
	/* Then the memory of spread words is not touched. */
	if (smi_is_packed(g->mixed))
		work.spread = buffer;
	smi_spread(work, g->mixed);
	for (unsigned int i = first / 64; i * 64 < end; i++) {
		uint64_t mask = smi_word_mask(i, first, end);
		uint64_t bit = UINT64_C(1) << i;
		uint64_t word = g->ones & bit ? SMI_ALL_ONES : 0;

		if (g->mixed & bit)
			word = work.spread[i];
		out[i] = word & mask;
		work.spread[i] = word & ~mask;
		g->ones &= ~bit;
		g->mixed &= ~bit;
		if (word & ~mask)
			g->mixed |= bit;
	}
	keep(home, work.spread, g->mixed);
	smi_bitmap_summarize(b, group);
}

static void set_part(struct smudge_bitmap *b, uint64_t group,
		     unsigned int first, unsigned int end)
{
	uint64_t words[SMI_GROUP_WORDS];
	struct smi_group add = {0, 0};

	for (unsigned int i = first / 64; i * 64 < end; i++) {
		words[i] = smi_word_mask(i, first, end);
		if (words[i] == SMI_ALL_ONES)
			add.ones |= UINT64_C(1) << i;
		else
			add.mixed |= UINT64_C(1) << i;
	}
	smi_bitmap_or(b, group, words, 0, add);
}

/* Set or clear pages [first, end) of a group, not all of it. */
static void change_part(struct smudge_bitmap *b, uint64_t group,
			unsigned int first, unsigned int end, bool dirty)
{
	uint64_t cleared[SMI_GROUP_WORDS];

	if (dirty)
		set_part(b, group, first, end);
	else
		smi_bitmap_split(b, group, first, end, cleared);
}

static void change_range(struct smudge_bitmap *b, uint64_t first,
			 uint64_t npages, bool dirty)
{
	uint64_t end;

	if (!smi_bitmap_clamp(b, first, &npages))
		return;
	for (end = first + npages; first < end;) {
		uint64_t group = first >> SMI_GROUP_SHIFT;
		uint64_t base = group << SMI_GROUP_SHIFT;
		uint64_t size = smi_bitmap_group_pages(b, group);
		uint64_t stop = end - base < size ? end - base : size;

		if (first > base || stop < size)
			change_part(b, group, (unsigned int)(first - base),
				    (unsigned int)stop, dirty);
		else if (dirty)
			smi_bitmap_fill_group(b, group);
		else
			smi_bitmap_clear_group(b, group);
		first = base + stop;
	}
}

void smudge_bitmap_set_range(struct smudge_bitmap *b, uint64_t first_page,
			     uint64_t npages)
{
	change_range(b, first_page, npages, true);
}

void smudge_bitmap_clear_range(struct smudge_bitmap *b, uint64_t first_page,
			       uint64_t npages)
{
	smi_bitmap_drain(b);
	if (!b->owes_barrier)
		change_range(b, first_page, npages, false);
}

/* No group is dirty but by its full bit, and the others hold no memory. */
static void drop_bits(struct smudge_bitmap *b)
{
	size_t bytes = b->bits_bytes - round_to_page(b->nwords[2] * 8);

	if (madvise(b->bits_base, bytes, MADV_DONTNEED) < 0)
		memset(b->bits_base, 0, bytes);
}

void smudge_bitmap_fill(struct smudge_bitmap *b)
{
	uint64_t ngroups = smi_bitmap_ngroups(b);
	uint64_t rest = ngroups & 63;

	drop_bits(b);
	memset(b->full, 0xff, ngroups / 64 * 8);
	if (rest)
		b->full[ngroups / 64] = smi_mask(0, (unsigned int)rest);
}

void smudge_bitmap_empty(struct smudge_bitmap *b)
{
	smi_bitmap_drain(b);
	if (b->owes_barrier)
		return;
	drop_bits(b);
	memset(b->full, 0, b->nwords[2] * 8);
}
