/* SPDX-License-Identifier: MIT */
/*
 * Harvest and take: what is dirty becomes pieces.
 *
 * ORDER. The take clears a page's bit and re-arms its writers. Only then is
 * the page looked at: is it populated? what is in it? A page that was never
 * touched is zeros then; a later write makes it dirty again.
 */
#include "checkpoint/save.h"

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

static struct smi_piece piece_of(struct smudge_region *region,
				 uint64_t first_page, uint64_t npages)
{
	return (struct smi_piece){
		.region = region,
		.region_id = smudge_region_id(region),
		.first_page = first_page << shift_of(region),
		.npages = npages << shift_of(region),
	};
}

static int add_zeros(struct smi_save *save, struct smudge_region *region,
		     uint64_t first_page, uint64_t end_page,
		     struct smudge_error *err)
{
	struct smi_piece piece =
		piece_of(region, first_page, end_page - first_page);

	return first_page < end_page ? smi_save_add_zeros(save, &piece, err)
				     : 0;
}

/* A long run: what was never touched is zeros, and is not read. */
static int add_populated(struct smudge_checkpointer *cp, struct smi_save *save,
			 struct smudge_region *region, struct smudge_run run,
			 struct smudge_error *err)
{
	uint64_t at = run.first_page;
	uint64_t end = run.first_page + run.npages;

	while (at < end) {
		struct smudge_run found = {0, 0};
		int ret = smudge_region_next_populated(region, at, end, &found,
						       err);
		struct smi_piece piece;

		if (ret < 0)
			return ret;
		if (!ret)
			found = (struct smudge_run){end, 0};
		ret = add_zeros(save, region, at, found.first_page, err);
		if (!ret && found.npages) {
			piece = piece_of(region, found.first_page,
					 found.npages);
			ret = smi_save_add_data(cp, save, &piece, err);
		}
		if (ret < 0)
			return ret;
		at = found.first_page + found.npages;
	}
	return 0;
}

static int add_run(struct smudge_checkpointer *cp, struct smi_save *save,
		   struct smudge_region *region, struct smudge_run run,
		   struct smudge_error *err)
{
	struct smi_piece piece = piece_of(region, run.first_page, run.npages);

	if (piece.npages >= ASK_POPULATED_PAGES)
		return add_populated(cp, save, region, run, err);
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
			      err);
	if (ret < 0)
		(void)smudge_client_return(cp->client, cp->batch);
	else
		(void)smudge_client_commit(cp->client, cp->batch);
	return ret;
}

static int take_region(struct smudge_checkpointer *cp, struct smi_save *save,
		       struct smudge_region *region, struct smudge_error *err)
{
	struct smudge_run rest = {0, smudge_region_npages(region)};
	int ret;

	if (save->is_full && save->npasses == 1)
		smudge_client_mark(cp->client, region, 0, rest.npages);
	while ((ret = smudge_client_take_next(cp->client, region, &rest,
					      UINT64_MAX, cp->batch, err)) >
	       0) {
		ret = add_batch(cp, save, region, err);
		if (ret < 0)
			return ret;
	}
	return ret;
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
	bool is_all = !cp->options.nregions;
	int ret = is_all ? harvest_memory(cp, is_quiesced, err) : 0;

	if (!ret)
		ret = smi_save_regions(cp, save, err);
	if (!ret)
		ret = is_all ? smi_save_check_pause(save, err)
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
