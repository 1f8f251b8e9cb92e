/* SPDX-License-Identifier: MIT */
/*
 * Continuing a chain: its newest layer, with the ids that the regions have in
 * this memory, and its digests. Those of a folder's layer are read when the
 * first delta needs them: there may be many, and the machine waits.
 *
 * Nothing writes the memory meanwhile. What was written before, the restore's
 * own writes, is harvested, and then skipped with all the rest.
 */
#include "checkpoint/continue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/chain.h"
#include "checkpoint/folder.h"
#include "checkpoint/page_reader.h"
#include "checkpoint/save.h"
#include "checkpoint/target.h"
#include "common/range.h"
#include "qcow2/format.h"
#include "sys/guard.h"

static bool is_same_region(const struct smi_layer_region *a,
			   const struct smi_layer_region *b)
{
	return !strcmp(a->name, b->name) && a->gpa == b->gpa &&
	       a->size_bytes == b->size_bytes && a->page_shift == b->page_shift;
}

/* Both are in ascending gpa. */
static int check_regions(const struct smi_layer *memory,
			 const struct smi_layer *layer,
			 struct smudge_error *err)
{
	size_t n = memory->nregions < layer->nregions ? memory->nregions
						      : layer->nregions;

	for (size_t i = 0; i < n; i++)
		if (!is_same_region(&memory->regions[i], &layer->regions[i]))
			return smudge_error_set(
				err, -ESTALE, SMI_WHERE,
				"region %.60s of the memory is not the layer's "
				"region %.60s",
				memory->regions[i].name,
				layer->regions[i].name);
	if (memory->nregions == layer->nregions)
		return 0;
	return smudge_error_set(err, -ESTALE, SMI_WHERE,
				"the layer has %zu regions, and the memory has "
				"%zu",
				layer->nregions, memory->nregions);
}

/* @to has the regions; the rest, but for the blobs, is as in @from. */
static int copy_places(struct smi_layer *to, const struct smi_layer *from,
		       struct smudge_error *err)
{
	for (size_t i = 0; i < from->nregions; i++) {
		const struct smi_layer_region *region = &from->regions[i];
		size_t bytes = region->nextents * sizeof(*region->extents);

		to->regions[i].extents = malloc(bytes ? bytes : 1);
		if (!to->regions[i].extents)
			return smi_checkpointer_no_memory(err);
		memcpy(to->regions[i].extents, region->extents, bytes);
		to->regions[i].nextents = region->nextents;
	}
	to->has_parent = from->has_parent;
	to->parent = from->parent;
	to->digest = from->digest;
	to->tail_page = from->tail_page;
	to->tail_npages = from->tail_npages;
	to->disk_npages = from->disk_npages;
	return 0;
}

/* Of the first pages of a part; at least one. */
static int read_some(struct smi_page_reader *reader, struct smi_part part,
		     struct smi_digests *digests, uint64_t *ret_npages,
		     struct smudge_error *err)
{
	const struct smi_qcow2_digest *read;
	int ret = smi_page_reader_no_digests(reader, &part, ret_npages, err);

	if (ret < 0 || *ret_npages)
		return ret;
	part.npages = min_u64(part.npages, SMI_READ_PAGES);
	ret = smi_page_reader_digests(reader, &part, &read, err);
	if (ret < 0)
		return ret;
	*ret_npages = part.npages;
	return smi_digests_set(digests, part.region, part.first_page,
			       part.npages, read, err);
}

static int read_region(struct smi_page_reader *reader,
		       const struct smi_layer *layer, size_t region,
		       struct smi_digests *digests, struct smudge_error *err)
{
	uint64_t end_page =
		layer->regions[region].size_bytes >> SMI_QCOW2_PAGE_SHIFT;
	uint64_t npages;
	int ret = 0;

	for (uint64_t page = 0; !ret && page < end_page; page += npages)
		ret = read_some(
			reader,
			smi_part_at(layer, region, page, end_page - page),
			digests, &npages, err);
	return ret;
}

static int read_digests(struct smudge_chain *chain, struct smi_moment *moment,
			struct smudge_error *err)
{
	struct smi_page_reader *reader;
	int ret =
		smi_digests_create(&moment->layer, NULL, &moment->digests, err);

	if (!ret)
		ret = smi_page_reader_create(chain, &reader, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; !ret && i < moment->layer.nregions; i++)
		ret = read_region(reader, &moment->layer, i, moment->digests,
				  err);
	smi_page_reader_destroy(reader);
	if (!ret && !smi_qcow2_digest_is_equal(smi_digests_sum(moment->digests),
					       moment->layer.digest))
		ret = smudge_error_set(
			err, -EBADMSG, SMI_WHERE,
			"%.60s: the digests of its pages are not those of its "
			"moment",
			smi_qcow2_chain_name(chain->images, 0));
	return ret;
}

static int harvest(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	return cp->options.rearm_policy == SMUDGE_REARM_QUIESCED
		       ? smudge_memory_harvest_quiesced(cp->memory, err)
		       : smudge_memory_harvest(cp->memory, err);
}

static int skip_all(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < cp->held.n && !ret; i++)
		ret = smudge_client_skip(
			cp->client, cp->held.regions[i], 0,
			smudge_region_npages(cp->held.regions[i]), err);
	return ret;
}

/* @save has the regions of the memory, which are held. */
static int adopt(struct smudge_checkpointer *cp, struct smi_save *save,
		 struct smudge_chain *chain, struct smudge_error *err)
{
	struct smi_moment *moment = &cp->moment;
	int ret = check_regions(&save->layer, &chain->layer, err);

	if (ret < 0)
		return ret;
	moment->layer = save->layer;
	save->layer = (struct smi_layer){0};
	ret = copy_places(&moment->layer, &chain->layer, err);
	if (!ret && chain->disk)
		ret = read_digests(chain, moment, err);
	if (!ret)
		ret = skip_all(cp, err);
	if (!ret)
		cp->has_moment = true;
	return ret;
}

int smi_continue_chain(struct smudge_checkpointer *cp,
		       struct smudge_chain *chain, struct smudge_error *err)
{
	struct smi_save save = {.ticket = 0};
	int ret = cp->target->ops->adopt(cp->target, chain, &cp->moment, err);

	if (!ret)
		ret = harvest(cp, err);
	if (!ret)
		ret = smi_save_regions(cp, &save, err);
	if (!ret)
		ret = adopt(cp, &save, chain, err);
	smi_save_release_regions(cp);
	smi_layer_clear(&save.layer);
	return ret;
}

/* The layer that is in place under the moment's name, if it is that moment. */
static int reopen(struct smudge_checkpointer *cp,
		  struct smudge_chain **ret_chain, struct smudge_error *err)
{
	char name[SMI_FOLDER_NAME_BYTES];
	int ret;

	smi_folder_name(cp->moment.number, name);
	ret = smi_chain_open_at(cp->folder_fd, name, ret_chain, err);
	if (ret < 0 || smi_qcow2_digest_is_equal((*ret_chain)->layer.digest,
						 cp->moment.layer.digest))
		return ret;
	return smudge_error_set(err, -ESTALE, SMI_WHERE,
				"%.60s is not the layer any more that the "
				"memory continues",
				name);
}

static void forget_moment(struct smudge_checkpointer *cp)
{
	SMI_SYS_GUARD(&cp->lock);
	smi_digests_destroy(cp->moment.digests);
	cp->moment.digests = NULL;
	cp->has_moment = false;
}

int smi_continue_digests(struct smudge_checkpointer *cp,
			 struct smudge_error *err)
{
	struct smudge_chain *chain = NULL;
	int ret;

	if (cp->moment.digests)
		return 0;
	SMI_SYS_GUARD(&cp->pruning);
	ret = reopen(cp, &chain, err);
	if (!ret)
		ret = read_digests(chain, &cp->moment, err);
	smudge_chain_close(chain);
	if (ret < 0)
		forget_moment(cp);
	return ret;
}
