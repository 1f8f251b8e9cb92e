/* SPDX-License-Identifier: MIT */
/*
 * The steps of a program but for merge and queries. Pages are drawn near the
 * edges of words and of summary words more often than elsewhere, since that
 * is where bitmaps go wrong.
 */
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bitmap/resize.h"
#include "common/range.h"

static uint64_t draw(struct program *program, uint64_t bound)
{
	return program->draw(program->opaque, bound);
}

uint64_t program_draw_page(struct program *program, uint64_t npages)
{
	static const unsigned int level_shift[] = {6, 9, 12, 18};
	unsigned int shift;
	uint64_t edge;

	switch (draw(program, 8)) {
	case 0:
		return draw(program, npages < 130 ? npages : 130);
	case 1:
		return npages - draw(program, npages < 130 ? npages : 130);
	case 2:
	case 3:
		shift = level_shift[draw(program, 4)];
		edge = draw(program, (npages >> shift) + 1) << shift;
		edge += draw(program, 5);
		return edge < 2 ? edge : edge - 2;
	case 4:
		if (draw(program, 32) == 0)
			return UINT64_MAX - draw(program, 3);
		return draw(program, npages + 70);
	default:
		return draw(program, npages);
	}
}

uint64_t program_draw_length(struct program *program, uint64_t npages)
{
	switch (draw(program, 8)) {
	case 0:
		return draw(program, 3);
	case 1:
	case 2:
		return draw(program, 130);
	case 3:
		return 64 * draw(program, 70);
	case 4:
	case 5:
		return draw(program, 6000);
	case 6:
		return draw(program, npages + 1);
	default:
		if (draw(program, 8) == 0)
			return UINT64_MAX - draw(program, 3);
		return npages;
	}
}

bool program_fail(struct program *program, const char *what,
		  uint64_t first_page, uint64_t npages)
{
	snprintf(program->failure, sizeof(program->failure),
		 "%s (pages %llu + %llu of %llu, variant %s)", what,
		 (unsigned long long)first_page, (unsigned long long)npages,
		 (unsigned long long)program->oracle[0].npages,
		 smudge_bitmap_variant());
	return false;
}

static bool start_one(struct program *program, unsigned int i, uint64_t npages)
{
	static const size_t batch_runs[] = {1, 4096, 4099, 300000};
	uint64_t max_npages = 2 * npages + 5000;

	program->max_runs[i] = batch_runs[draw(program, 4)];
	program->oracle[i] = oracle_create(max_npages);
	program->oracle[i].npages = npages;
	program->max_npages[i] = max_npages;
	return smi_bitmap_create_room(npages, max_npages, &program->bitmap[i],
				      NULL) == 0 &&
	       smudge_batch_create(program->max_runs[i], &program->batch[i],
				   NULL) == 0;
}

bool program_start(struct program *program, uint64_t npages)
{
	static const uint64_t extra[PROGRAM_BITMAPS] = {0, 1, 100};

	for (unsigned int i = 0; i < PROGRAM_BITMAPS; i++) {
		program->bitmap[i] = NULL;
		program->batch[i] = NULL;
		program->oracle[i].dirty = NULL;
		program->is_taken[i] = false;
	}
	program->failure[0] = '\0';
	for (unsigned int i = 0; i < PROGRAM_BITMAPS; i++)
		if (!start_one(program, i, npages + extra[i]))
			return program_fail(program, "cannot be created", 0, 0);
	return true;
}

void program_end(struct program *program)
{
	for (unsigned int i = 0; i < PROGRAM_BITMAPS; i++) {
		if (program->batch[i])
			smudge_batch_discard(program->batch[i]);
		smudge_batch_destroy(program->batch[i]);
		smudge_bitmap_destroy(program->bitmap[i]);
		oracle_destroy(&program->oracle[i]);
	}
}

static bool refuse_second_take(struct program *program, unsigned int which)
{
	struct smudge_batch *batch = program->batch[which];
	size_t nruns = smudge_batch_nruns(batch);
	uint64_t npages = smudge_batch_npages(batch);

	/* a take that found nothing may leave the batch empty */
	if (smudge_batch_is_empty(batch))
		return true;
	if (smudge_bitmap_take(program->bitmap[which], 0, UINT64_MAX, batch) !=
	    -EBUSY)
		return program_fail(program, "take into a full batch", 0, 0);
	if (smudge_batch_nruns(batch) != nruns ||
	    smudge_batch_npages(batch) != npages)
		return program_fail(program, "a refused take changed", 0, 0);
	return true;
}

/* What a take left in the batch is returned, or discarded. */
static bool finish_take(struct program *program, unsigned int which)
{
	struct smudge_batch *batch = program->batch[which];

	if (!refuse_second_take(program, which))
		return false;
	if (draw(program, 2)) {
		oracle_add_batch(&program->oracle[which], batch);
		smudge_bitmap_return(program->bitmap[which], batch);
	} else {
		smudge_batch_discard(batch);
	}
	program->is_taken[which] = false;
	if (!smudge_batch_is_empty(batch) || smudge_batch_end_page(batch) ||
	    smudge_batch_nruns(batch) || smudge_batch_npages(batch))
		return program_fail(program, "a finished batch is not empty", 0,
				    0);
	return true;
}

bool program_take(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];
	struct smudge_batch *batch = program->batch[which];
	uint64_t first, npages;
	const char *what;

	if (program->is_taken[which])
		return finish_take(program, which);
	first = draw(program, 2) ? 0
				 : program_draw_page(program, oracle->npages);
	npages = program_draw_length(program, oracle->npages);
	if (smudge_bitmap_take(program->bitmap[which], first, npages, batch))
		return program_fail(program, "take is refused", first, npages);
	what = oracle_take(oracle, first, npages, program->max_runs[which],
			   batch);
	if (what)
		return program_fail(program, what, first, npages);
	program->is_taken[which] = true;
	return true;
}

static void change_range(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];
	struct smudge_bitmap *bitmap = program->bitmap[which];
	uint64_t first = program_draw_page(program, oracle->npages);
	uint64_t npages = program_draw_length(program, oracle->npages);

	switch (draw(program, 4)) {
	case 0:
		smudge_bitmap_set_range(bitmap, first, npages);
		break;
	case 1:
		smudge_bitmap_mark_range(bitmap, first, npages);
		break;
	default:
		smudge_bitmap_clear_range(bitmap, first, npages);
		oracle_assign(oracle, first, npages, false);
		return;
	}
	oracle_assign(oracle, first, npages, true);
}

static void change_all(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];
	bool dirty = draw(program, 2);

	if (dirty)
		smudge_bitmap_fill(program->bitmap[which]);
	else
		smudge_bitmap_empty(program->bitmap[which]);
	oracle_assign(oracle, 0, oracle->npages, dirty);
}

/* What is new is dirty; what is gone does not come again. */
static void resize(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];
	struct smudge_bitmap *bitmap = program->bitmap[which];
	uint64_t npages = program_draw_page(program, oracle->npages);
	uint64_t before = oracle->npages;

	if (draw(program, 2))
		npages = before + draw(program, 5000);
	npages = max_u64(1, min_u64(npages, program->max_npages[which]));
	if (npages > before)
		smi_bitmap_grow(bitmap, npages);
	else
		smi_bitmap_shrink(bitmap, npages);
	oracle->npages = npages;
	if (npages > before)
		oracle_assign(oracle, before, npages - before, true);
}

static void mark_some(struct program *program, unsigned int which)
{
	struct oracle *oracle = &program->oracle[which];

	for (uint64_t n = 1 + draw(program, 16); n; n--) {
		uint64_t page = program_draw_page(program, oracle->npages);

		smudge_bitmap_mark(program->bitmap[which], page);
		oracle_assign(oracle, page, 1, true);
	}
}

static bool change_size_or_all(struct program *program, unsigned int which)
{
	switch (draw(program, 3)) {
	case 0:
		change_all(program, which);
		break;
	case 1:
		resize(program, which);
		break;
	}
	return true;
}

bool program_step(struct program *program)
{
	unsigned int which = (unsigned int)draw(program, PROGRAM_BITMAPS);

	switch (draw(program, 16)) {
	case 0:
	case 1:
	case 2:
		mark_some(program, which);
		return true;
	case 3:
	case 4:
	case 5:
	case 6:
		change_range(program, which);
		return true;
	case 7:
		return change_size_or_all(program, which);
	case 8:
	case 9:
	case 10:
	case 11:
		return program_take(program, which);
	case 12:
		return program_query(program, which);
	default:
		return program_merge(program);
	}
}

bool program_compare(struct program *program)
{
	for (unsigned int i = 0; i < PROGRAM_BITMAPS; i++) {
		const char *what =
			oracle_compare(&program->oracle[i], program->bitmap[i]);

		if (what)
			return program_fail(program, what, 0,
					    program->oracle[i].npages);
	}
	return true;
}
