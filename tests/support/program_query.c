/* SPDX-License-Identifier: MIT */
/*
 * The questions a program asks, and the kernel bitmaps it merges. Input bits
 * outside the merged range are dirty, so that a merge that looks beyond is
 * seen; the buffer ends with the word of the last bit, so that a read beyond
 * it is seen by the address sanitizer.
 */
#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t draw(struct program *program, uint64_t bound)
{
	return program->draw(program->opaque, bound);
}

static bool query_range(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];
	struct smudge_bitmap *bitmap = program->bitmap[which];
	uint64_t first = program_draw_page(program, oracle->npages);
	uint64_t npages = program_draw_length(program, oracle->npages);
	uint64_t dirty = oracle_count(oracle, first, npages);
	uint64_t inside = oracle_clip(oracle, first, npages);

	if (smudge_bitmap_count(bitmap, first, npages) != dirty)
		return program_fail(program, "count differs", first, npages);
	if (smudge_bitmap_any(bitmap, first, npages) != (dirty != 0))
		return program_fail(program, "any differs", first, npages);
	if (smudge_bitmap_all(bitmap, first, npages) != (dirty == inside))
		return program_fail(program, "all differs", first, npages);
	if (smudge_bitmap_test(bitmap, first) != oracle_test(oracle, first))
		return program_fail(program, "test differs", first, 1);
	return true;
}

static bool query_run(struct program *program, unsigned int which, bool dirty)
{
	struct oracle *oracle = &program->oracle[which];
	struct smudge_bitmap *bitmap = program->bitmap[which];
	uint64_t first = program_draw_page(program, oracle->npages);
	uint64_t length = program_draw_length(program, oracle->npages);
	uint64_t end = first + length < first ? UINT64_MAX : first + length;
	struct smudge_run got = {12345, 678}, want = {12345, 678};
	bool is_there;

	if (draw(program, 16) == 0)
		end = first - (first > 0);
	is_there = oracle_next_run(oracle, dirty, first, end, &want);
	if ((dirty ? smudge_bitmap_next_dirty(bitmap, first, end, &got)
		   : smudge_bitmap_next_clean(bitmap, first, end, &got)) !=
	    is_there)
		return program_fail(program, "next run: found or not differs",
				    first, end - first);
	if (memcmp(&got, &want, sizeof(got)))
		return program_fail(program, "next run differs", first,
				    end - first);
	return true;
}

static bool query_block(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];
	unsigned int shift = (unsigned int)draw(program, 41);
	uint64_t first = program_draw_page(program, oracle->npages) >> shift;
	uint64_t got = 99, want = 99;
	bool is_there = oracle_next_block(oracle, shift, first, &want);

	if (smudge_bitmap_next_block(program->bitmap[which], shift, first,
				     &got) != is_there ||
	    got != want)
		return program_fail(program, "next block differs", first,
				    shift);
	return true;
}

bool program_query(struct program *program, unsigned int which)
{
	return query_range(program, which) && query_run(program, which, true) &&
	       query_run(program, which, false) && query_block(program, which);
}

bool program_sample(struct program *program)
{
	for (unsigned int i = 0; i < PROGRAM_BITMAPS; i++) {
		struct oracle *oracle = &program->oracle[i];

		if (smudge_bitmap_count(program->bitmap[i], 0, UINT64_MAX) !=
		    oracle_count(oracle, 0, oracle->npages))
			return program_fail(program, "count of all differs", 0,
					    oracle->npages);
		for (int n = 0; n < 4; n++)
			if (!program_query(program, i))
				return false;
	}
	return true;
}

/* Write a pattern over [begin, end) of @bits. */
static void draw_pattern(struct program *program, uint8_t *bits, uint64_t begin,
			 uint64_t end)
{
	uint64_t kind = draw(program, 7);
	uint64_t step = 1 + draw(program, kind < 3 ? 300 : 7);
	uint8_t byte = (uint8_t)draw(program, 256);

	for (uint64_t i = begin; i < end; i++) {
		bool dirty = kind == 0	 ? false
			     : kind == 1 ? true
			     : kind == 2 ? i % step == 0
			     : kind == 3 ? i % (64 * step) < 64
			     : kind == 4 ? (byte >> i % 8 & 1) && i / 64 % step
			     : kind == 5 ? i % 2
					 : i % (512 * step) < 500;

		bits[i / 8] &= (uint8_t) ~(1U << i % 8);
		bits[i / 8] |= (uint8_t)(dirty << i % 8);
	}
}

static uint64_t smallest(const struct program *program, unsigned int first,
			 unsigned int count)
{
	uint64_t npages = UINT64_MAX;

	for (unsigned int i = first; i < first + count; i++)
		if (program->oracle[i].npages < npages)
			npages = program->oracle[i].npages;
	return npages;
}

/* A merge that does not fit in one of the bitmaps changes none. */
static bool refuse_merge(struct program *program, unsigned int first,
			 unsigned int count)
{
	uint64_t npages = smallest(program, first, count);
	uint64_t page = draw(program, npages + 1), bits[4] = {1, 2, 4, 8};
	uint64_t length = npages - page + 1;

	if (draw(program, 4) == 0) {
		page = UINT64_MAX - draw(program, 64);
		length = 100;
	}
	if (smudge_bitmap_merge(program->bitmap + first, count, page, bits, 0,
				length) != -EINVAL)
		return program_fail(program, "merge outside is not refused",
				    page, length);
	return true;
}

static bool merge_bits(struct program *program, unsigned int which,
		       unsigned int count, uint64_t first_page, uint64_t npages)
{
	uint64_t first_bit =
		draw(program, 4) == 0 ? first_page % 64 : draw(program, 200);
	size_t size = (size_t)((first_bit + npages + 63) / 64 * 8);
	uint8_t *bits = malloc(size ? size : 1);
	int ret;

	if (!bits)
		return program_fail(program, "no memory", 0, 0);
	memset(bits, 0xff, size);
	draw_pattern(program, bits, first_bit, first_bit + npages);
	ret = smudge_bitmap_merge(program->bitmap + which, count, first_page,
				  bits, first_bit, npages);
	for (unsigned int i = which; i < which + count; i++)
		oracle_merge(&program->oracle[i], first_page, bits, first_bit,
			     npages);
	free(bits);
	if (ret)
		return program_fail(program, "merge is refused", first_page,
				    npages);
	return true;
}

bool program_merge(struct program *program)
{
	unsigned int which = (unsigned int)draw(program, PROGRAM_BITMAPS);
	unsigned int count =
		(unsigned int)draw(program, PROGRAM_BITMAPS - which + 1);
	uint64_t size, first_page, npages;

	if (count && draw(program, 16) == 0)
		return refuse_merge(program, which, count);
	size = count ? smallest(program, which, count) : 64;
	first_page = program_draw_page(program, size);
	if (first_page > size)
		first_page = size;
	npages = program_draw_length(program, size);
	if (npages > size - first_page)
		npages = size - first_page;
	return merge_bits(program, which, count, first_page, npages);
}
