/* SPDX-License-Identifier: MIT */
/*
 * Restoring a moment: threads that bring the parts in.
 */
#include <smudge/checkpoint.h>

#include "checkpoint/chain.h"
#include "checkpoint/match.h"
#include "checkpoint/parts.h"
#include "checkpoint/restore_pages.h"
#include "sys/options.h"

#define WHERE "restore"

struct restore {
	struct smudge_chain *chain;
	struct smudge_restore_options options;
	struct smi_match match;
};

static int copy_options(struct restore *r,
			const struct smudge_restore_options *options,
			struct smudge_error *err)
{
	if (!options)
		return 0;
	return smi_sys_options_copy(
		&r->options, options,
		SMI_SYS_SHAPE(smudge_restore_options, opaque), WHERE, err);
}

static int bring_in(void *opaque, struct smi_page_reader *reader, void *buffer,
		    const struct smi_part *part, bool are_zeros,
		    struct smudge_error *err)
{
	const struct restore *r = opaque;
	struct smudge_region *region = r->match.regions[part->region];

	if (!are_zeros)
		return smi_restore_part(region, r->options.is_zeroed, reader,
					part, buffer, err);
	if (!r->options.is_zeroed)
		smi_restore_zeros(region, part->first_page, part->npages);
	return 0;
}

static int bring_all(struct restore *r, struct smudge_error *err)
{
	const struct smi_parts parts = {
		.chain = r->chain,
		.is_left_out = r->match.is_left_out,
		.nthreads = r->options.nthreads,
		.progress = r->options.progress,
		.progress_opaque = r->options.opaque,
		.work = bring_in,
		.opaque = r,
	};
	int ret = smi_chain_need_tables(r->chain, err);

	if (ret < 0)
		return ret;
	ret = smi_parts_each(&parts, err);
	/* After a failure too: anything may have changed. */
	smi_match_mark(&r->match);
	return ret;
}

int smudge_restore(struct smudge_memory *memory, struct smudge_chain *chain,
		   const struct smudge_restore_options *options,
		   struct smudge_error *err)
{
	struct restore r = {.chain = chain};
	int ret;

	smudge_error_clear(err);
	ret = copy_options(&r, options, err);
	if (ret < 0)
		return ret;
	ret = smi_match_open(&r.match, memory, &chain->layer, r.options.regions,
			     r.options.nregions, err);
	if (ret == 0)
		ret = bring_all(&r, err);
	smi_match_close(&r.match);
	return ret;
}
