/* SPDX-License-Identifier: MIT */
/*
 * Harvest and take: what is dirty becomes pieces, and for a full layer the rest
 * as well. That is not taken: it is clean as of the layer before, and a save
 * that fails has nothing of it to return.
 *
 * ORDER. The take clears a page's bit and re-arms its writers. Only then is
 * the page looked at: is it populated? what is in it? A page that was never
 * touched is zeros then; a later write makes it dirty again.
 */
#include "checkpoint/save.h"

#include <smudge/bitmap.h>
#include <smudge/populated.h>

#include "common/range.h"
#include "qcow2/format.h"
#include "sys/clock.h"

/*
 * Runs shorter than this are read, populated or not: to ask costs more. Pages
 * that were never touched are dirty in long runs only.
 */
#define ASK_POPULATED_PAGES 32

static unsigned int shift_of(const struct smudge_region *region)
{
	return smudge_region_page_shift(region) - SMI_QCOW2_PAGE_SHIFT;
}

/* A part of @whole, in pages of its region. */
static struct smi_piece part_of(const struct smi_piece *whole,
				uint64_t first_page, uint64_t end_page)
{
	struct smi_piece part = *whole;

	part.first_page = first_page << shift_of(whole->region);
	part.npages = (end_page - first_page) << shift_of(whole->region);
	return part;
}

/* A long run: what was never touched is zeros, and is not read. */
static int add_populated(struct smudge_checkpointer *cp, struct smi_save *save,
			 const struct smi_piece *whole, struct smudge_run run,
			 struct smudge_error *err)
{
	uint64_t at = run.first_page;
	uint64_t end = run.first_page + run.npages;

	while (at < end) {
		struct smudge_run found = {0, 0};
		int ret = smudge_region_next_populated(whole->region, at, end,
						       &found, err);
		struct smi_piece piece;

		if (ret < 0)
			return ret;
		if (!ret)
			found = (struct smudge_run){end, 0};
		ret = 0;
		piece = part_of(whole, at, found.first_page);
		if (piece.npages)
			ret = smi_save_add_zeros(save, &piece, err);
		at = found.first_page + found.npages;
		piece = part_of(whole, found.first_page, at);
		if (!ret)
			ret = smi_save_add_data(cp, save, &piece, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* @run: in pages of the region */
static int add_run(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smudge_region *region, struct smudge_run run,
		   bool was_clean, struct smudge_error *err)
{
	const struct smi_piece piece = {
		.region = region,
		.region_id = smudge_region_id(region),
		.first_page = run.first_page << shift_of(region),
		.npages = run.npages << shift_of(region),
		.was_clean = was_clean,
	};

	if (piece.npages >= ASK_POPULATED_PAGES)
		return add_populated(cp, save, &piece, run, err);
	return smi_save_add_data(cp, save, &piece, err);
}

/* A batch that is in the pieces in part only goes back wholly. */
static int add_batch(struct smudge_checkpointer *cp, struct smi_save *save,
		     struct smudge_region *region, struct smudge_error *err)
{
	size_t nruns = smudge_batch_nruns(cp->batch);
	int ret = smi_save_check_pause(save, err);

	for (size_t i = 0; i < nruns && !ret; i++)
		ret = add_run(cp, save, region, smudge_batch_run(cp->batch, i),
			      false, err);
	if (ret < 0)
		(void)smudge_client_return(cp->client, cp->batch);
	else
		(void)smudge_client_commit(cp->client, cp->batch);
	return ret;
}

static void note_taken(const struct smudge_batch *batch,
		       struct smudge_bitmap *taken)
{
	size_t nruns = smudge_batch_nruns(batch);

	for (size_t i = 0; i < nruns; i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		smudge_bitmap_set_range(taken, run.first_page, run.npages);
	}
}

/* @taken: receives which pages; or NULL */
static int take_dirty(struct smudge_checkpointer *cp, struct smi_save *save,
		      struct smudge_region *region, struct smudge_bitmap *taken,
		      struct smudge_error *err)
{
	struct smudge_run rest = {0, smudge_region_npages(region)};
	int ret;

	while ((ret = smudge_client_take_next(cp->client, region, &rest,
					      UINT64_MAX, cp->batch, err)) >
	       0) {
		if (taken)
			note_taken(cp->batch, taken);
		ret = add_batch(cp, save, region, err);
		if (ret < 0)
			return ret;
	}
	return ret;
}

/* All that was not taken. What is dirty by now is in the next pass too. */
static int add_clean(struct smudge_checkpointer *cp, struct smi_save *save,
		     struct smudge_region *region, struct smudge_bitmap *taken,
		     struct smudge_error *err)
{
	uint64_t end = smudge_region_npages(region);
	struct smudge_run run = {0, 0};
	int ret = 0;

	while (!ret && smudge_bitmap_next_clean(
			       taken, run.first_page + run.npages, end, &run)) {
		ret = smi_save_check_pause(save, err);
		if (!ret)
			ret = add_run(cp, save, region, run, true, err);
	}
	return ret;
}

static int take_all(struct smudge_checkpointer *cp, struct smi_save *save,
		    struct smudge_region *region, struct smudge_error *err)
{
	struct smudge_bitmap *taken;
	int ret = smudge_bitmap_create(smudge_region_npages(region), &taken,
				       NULL);

	if (ret < 0)
		return smi_checkpointer_no_memory(err);
	ret = take_dirty(cp, save, region, taken, err);
	if (!ret)
		ret = add_clean(cp, save, region, taken, err);
	smudge_bitmap_destroy(taken);
	return ret;
}

static int take_region(struct smudge_checkpointer *cp, struct smi_save *save,
		       struct smudge_region *region, struct smudge_error *err)
{
	return save->is_full && save->npasses == 1
		       ? take_all(cp, save, region, err)
		       : take_dirty(cp, save, region, NULL, err);
}

/*
 * Does a full layer need more than the budget? Then it is written from the
 * first copies on. Not exact: pages may be populated meanwhile.
 */
static void foresee(struct smudge_checkpointer *cp, struct smi_save *save)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < cp->held.n; i++) {
		struct smudge_region *region = cp->held.regions[i];
		uint64_t end = smudge_region_npages(region);
		struct smudge_run run = {0, 0};

		while (smudge_region_next_populated(region,
						    run.first_page + run.npages,
						    end, &run, NULL) > 0)
			bytes += run.npages << smudge_region_page_shift(region);
	}
	save->will_overflow = bytes / SMI_CHUNK_BYTES > cp->copies.limit;
	atomic_store_explicit(&save->copying_pages,
			      bytes >> SMI_QCOW2_PAGE_SHIFT,
			      memory_order_relaxed);
}

static int take_regions(struct smudge_checkpointer *cp, struct smi_save *save,
			struct smudge_error *err)
{
	int ret = 0;

	if (save->is_full && save->npasses == 1)
		foresee(cp, save);
	for (size_t i = 0; i < cp->held.n && !ret; i++)
		ret = take_region(cp, save, cp->held.regions[i], err);
	return ret;
}

static int harvest_memory(struct smudge_checkpointer *cp, bool is_quiesced,
			  struct smudge_error *err)
{
	return is_quiesced ? smudge_memory_harvest_quiesced(cp->memory, err)
			   : smudge_memory_harvest(cp->memory, err);
}

static int harvest_held(struct smudge_checkpointer *cp, struct smi_save *save,
			bool is_quiesced, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < cp->held.n && !ret; i++) {
		struct smudge_region *region = cp->held.regions[i];

		ret = is_quiesced ? smudge_region_harvest_quiesced(region, err)
				  : smudge_region_harvest(region, err);
		if (!ret)
			ret = smi_save_check_pause(save, err);
	}
	return ret;
}

/*
 * Of the whole memory the harvest comes first, and regions that are added
 * meanwhile are in the pass. Chosen ones are held while they are harvested.
 */
static int harvest(struct smudge_checkpointer *cp, struct smi_save *save,
		   bool is_paused, struct smudge_error *err)
{
	bool is_quiesced =
		is_paused && cp->options.rearm_policy == SMUDGE_REARM_QUIESCED;
	bool is_done = is_paused && cp->options.quiesce_harvests;
	bool is_all = !cp->options.nregions;
	int ret = is_all && !is_done ? harvest_memory(cp, is_quiesced, err) : 0;

	if (!ret)
		ret = smi_save_regions(cp, save, err);
	if (!ret)
		ret = is_all || is_done
			      ? smi_save_check_pause(save, err)
			      : harvest_held(cp, save, is_quiesced, err);
	return ret;
}

int smi_save_rearm(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smudge_error *err)
{
	int ret = harvest(cp, save, true, err);

	smi_save_end_pass(cp, save);
	return ret;
}

int smi_save_look(struct smudge_checkpointer *cp, struct smi_save *save,
		  struct smudge_error *err)
{
	int ret = harvest(cp, save, false, err);

	save->dirty_pages = 0;
	for (size_t i = 0; i < cp->held.n && !ret; i++) {
		struct smudge_region *region = cp->held.regions[i];

		save->dirty_pages +=
			smudge_client_count(cp->client, region, 0,
					    smudge_region_npages(region))
			<< shift_of(region);
	}
	smi_save_end_pass(cp, save);
	return ret;
}

int smi_save_pass(struct smudge_checkpointer *cp, struct smi_save *save,
		  enum smi_pass pass, struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	int ret = pass == SMI_PASS_HARVESTED
			  ? smi_save_regions(cp, save, err)
			  : harvest(cp, save, pass == SMI_PASS_LAST, err);

	save->layer.stats.harvest_ns = smi_sys_now_ns() - start_ns;
	save->pass_begin[save->npasses++] = smi_pieces_end(&save->pieces);
	if (!ret)
		ret = take_regions(cp, save, err);
	if (!ret)
		ret = smi_save_flush(cp, save, err);
	smi_save_end_pass(cp, save);
	save->layer.stats.copy_ns =
		smi_sys_now_ns() - start_ns - save->layer.stats.harvest_ns;
	return ret;
}
