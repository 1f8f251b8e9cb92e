/* SPDX-License-Identifier: MIT */
/*
 * The memory of the two planes.
 */
#include "bitmap/planes.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t round_to_page(size_t bytes)
{
	size_t page = page_bytes();

	return (bytes + page - 1) & ~(page - 1);
}

/*
 * Without huge pages, which some distributions use for every mapping: the first
 * bit in 64 GiB of guest would cost 2 MiB of zeros. A kernel without huge pages
 * refuses the advice, which does no harm.
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

/*
 * Parts follow each other, at cache lines of their own. If each began on a page
 * of its own, a small map would use eight pages, and its loads would wait for
 * stores to another part whose addresses have the same low twelve bits.
 */
static void *carve(void *base, size_t *offset, size_t bytes)
{
	void *here = base ? (char *)base + *offset : NULL;

	*offset += (bytes + 63) & ~(size_t)63;
	return here;
}

/* Returns the size of the plane; without @base, that is all. */
static size_t carve_marks(struct smudge_bitmap *b, void *base, uint64_t ngroups)
{
	size_t nlevel2 = smi_level2_word(ngroups + 63);
	size_t offset = 0;

	b->mark_words = carve(base, &offset, ngroups * SMI_GROUP_WORDS * 8);
	b->mark_lines = carve(base, &offset, ngroups * SMI_GROUP_LINES);
	b->mark_groups = carve(base, &offset, nlevel2 * 8);
	return round_to_page(offset);
}

static size_t carve_bits(struct smudge_bitmap *b, void *base, uint64_t ngroups)
{
	size_t nlevel2 = smi_level2_word(ngroups + 63);
	size_t offset = 0;

	b->words = carve(base, &offset, ngroups * SMI_GROUP_WORDS * 8);
	b->packed = carve(base, &offset, ngroups * SMI_PACKED_WORDS * 8);
	b->groups = carve(base, &offset, ngroups * sizeof(*b->groups));
	b->level2 = carve(base, &offset, nlevel2 * 8);
	b->full = carve(base, &offset, nlevel2 * 8); /* last: see below */
	return round_to_page(offset);
}

bool smi_planes_map(struct smudge_bitmap *b, uint64_t ngroups)
{
	b->mark_bytes = carve_marks(b, NULL, ngroups);
	b->bits_bytes = carve_bits(b, NULL, ngroups);
	b->mark_base = reserve(b->mark_bytes);
	b->bits_base = reserve(b->bits_bytes);
	if (!b->mark_base || !b->bits_base)
		return false;
	carve_marks(b, b->mark_base, ngroups);
	carve_bits(b, b->bits_base, ngroups);
	return true;
}

void smi_planes_unmap(struct smudge_bitmap *b)
{
	if (b->mark_base)
		munmap(b->mark_base, b->mark_bytes);
	if (b->bits_base)
		munmap(b->bits_base, b->bits_bytes);
}

static size_t resident(void *base, size_t bytes)
{
	size_t page = page_bytes();
	unsigned char in_core[1024];
	size_t populated = 0;

	for (size_t at = 0; at < bytes;) {
		size_t step = sizeof(in_core) * page;

		if (step > bytes - at)
			step = bytes - at;
		if (mincore((char *)base + at, step, in_core) < 0)
			return bytes; /* unknown: the most it may be */
		for (size_t i = 0; i < step / page; i++)
			populated += in_core[i] & 1;
		at += step;
	}
	return populated * page;
}

size_t smi_planes_resident(const struct smudge_bitmap *b)
{
	return resident(b->mark_base, b->mark_bytes) +
	       resident(b->bits_base, b->bits_bytes);
}

void smi_planes_drop_bits(struct smudge_bitmap *b)
{
	char *base = b->bits_base;
	size_t bytes = (size_t)((char *)b->full - base);
	size_t whole = bytes & ~(page_bytes() - 1);

	/* The page that the full bits begin on is kept. */
	if (whole && madvise(base, whole, MADV_DONTNEED) < 0)
		memset(base, 0, whole);
	memset(base + whole, 0, bytes - whole);
}
