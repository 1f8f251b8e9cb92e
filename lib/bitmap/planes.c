/* SPDX-License-Identifier: MIT */
/*
 * The memory of the two planes.
 */
#include "bitmap/planes.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t round_to_page(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

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

/* Each part begins on a page of its own, so that it can be released alone. */
static void *carve(void *base, size_t *offset, size_t bytes)
{
	void *here = (char *)base + *offset;

	*offset += round_to_page(bytes);
	return here;
}

bool smi_planes_map(struct smudge_bitmap *b)
{
	size_t words = b->nwords * 8, level2 = b->nlevel2 * 8;
	size_t groups = b->ngroups * sizeof(*b->groups);
	size_t packed = b->ngroups * SMI_PACKED_WORDS * 8;
	size_t lines = b->ngroups * SMI_GROUP_LINES;
	size_t offset = 0;

	b->mark_bytes = round_to_page(words) + round_to_page(lines) +
			round_to_page(level2);
	b->bits_bytes = round_to_page(words) + round_to_page(packed) +
			round_to_page(groups) + 2 * round_to_page(level2);
	b->mark_base = reserve(b->mark_bytes);
	b->bits_base = reserve(b->bits_bytes);
	if (!b->mark_base || !b->bits_base)
		return false;
	b->mark_words = carve(b->mark_base, &offset, words);
	b->mark_lines = carve(b->mark_base, &offset, lines);
	b->mark_groups = carve(b->mark_base, &offset, level2);
	offset = 0;
	b->words = carve(b->bits_base, &offset, words);
	b->packed = carve(b->bits_base, &offset, packed);
	b->groups = carve(b->bits_base, &offset, groups);
	b->level2 = carve(b->bits_base, &offset, level2);
	b->full = carve(b->bits_base, &offset, level2);
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
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
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
	size_t bytes = b->bits_bytes - round_to_page(b->nlevel2 * 8);

	if (madvise(b->bits_base, bytes, MADV_DONTNEED) < 0)
		memset(b->bits_base, 0, bytes);
}
