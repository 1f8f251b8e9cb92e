/* SPDX-License-Identifier: MIT */
/*
 * Regions are matched by name; all else has to be the same.
 */
#include "checkpoint/match.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define WHERE "restore"

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE,
				"no memory for a list of regions");
}

/* The regions to restore: the caller's, or all. */
static int hold_regions(struct smi_match *m, struct smudge_memory *memory,
			struct smudge_region *const *chosen, size_t nchosen,
			struct smudge_error *err)
{
	size_t n = nchosen ? nchosen : SMUDGE_MAX_REGIONS;

	m->held = calloc(n, sizeof(*m->held));
	if (!m->held)
		return no_memory(err);
	if (!nchosen) {
		m->nheld = smudge_memory_hold_regions(memory, m->held, n);
		return 0;
	}
	for (; m->nheld < n; m->nheld++) {
		m->held[m->nheld] = chosen[m->nheld];
		smudge_region_hold(m->held[m->nheld]);
	}
	return 0;
}

static int check_region(const struct smudge_region *region,
			const struct smi_layer_region *of_layer,
			struct smudge_error *err)
{
	unsigned int shift = smudge_region_page_shift(region);
	uint64_t bytes = smudge_region_npages(region) << shift;

	if (bytes != of_layer->size_bytes || shift != of_layer->page_shift ||
	    smudge_region_gpa(region) != of_layer->gpa)
		return smudge_error_set(
			err, -ERANGE, WHERE,
			"region %.40s has %" PRIu64 " KiB at 0x%" PRIx64
			", page shift %u; in the layer %" PRIu64
			" KiB at 0x%" PRIx64 ", page shift %" PRIu32,
			of_layer->name, bytes >> 10, smudge_region_gpa(region),
			shift, of_layer->size_bytes >> 10, of_layer->gpa,
			of_layer->page_shift);
	if (!smudge_region_hva(region))
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"region %.60s is not memory of this "
					"process",
					of_layer->name);
	return 0;
}

static int match_region(struct smi_match *m, const struct smi_layer *layer,
			struct smudge_region *region, struct smudge_error *err)
{
	const char *name = smudge_region_name(region);
	size_t i = smi_layer_find_region(layer, name);

	if (i == layer->nregions)
		return smudge_error_set(err, -ENOENT, WHERE,
					"the layer has no region %.60s", name);
	m->regions[i] = region;
	m->is_left_out[i] = false;
	return check_region(region, &layer->regions[i], err);
}

/* Without a choice of the caller's, all of the layer has to be there. */
static int check_missing(const struct smi_match *m,
			 const struct smi_layer *layer,
			 struct smudge_error *err)
{
	for (size_t i = 0; i < layer->nregions; i++) {
		if (!m->regions[i])
			return smudge_error_set(
				err, -ENOENT, WHERE,
				"the memory has no region %.60s, as the layer "
				"has",
				layer->regions[i].name);
	}
	return 0;
}

static int match_regions(struct smi_match *m, const struct smi_layer *layer,
			 struct smudge_error *err)
{
	size_t n = layer->nregions;
	int ret = 0;

	/* None of 0 bytes, which may be NULL. */
	m->regions = calloc(n + 1, sizeof(*m->regions));
	m->is_left_out = calloc(n + 1, sizeof(*m->is_left_out));
	if (!m->regions || !m->is_left_out)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		m->is_left_out[i] = true;
	for (size_t i = 0; ret == 0 && i < m->nheld; i++)
		ret = match_region(m, layer, m->held[i], err);
	return ret;
}

int smi_match_open(struct smi_match *match, struct smudge_memory *memory,
		   const struct smi_layer *layer,
		   struct smudge_region *const *chosen, size_t nchosen,
		   struct smudge_error *err)
{
	int ret;

	*match = (struct smi_match){0};
	ret = hold_regions(match, memory, chosen, nchosen, err);
	if (ret == 0)
		ret = match_regions(match, layer, err);
	if (ret == 0 && !nchosen)
		ret = check_missing(match, layer, err);
	return ret;
}

void smi_match_close(struct smi_match *match)
{
	for (size_t i = 0; i < match->nheld; i++)
		smudge_region_release(match->held[i]);
	free(match->held);
	free(match->regions);
	free(match->is_left_out);
}

void smi_match_mark(const struct smi_match *match)
{
	for (size_t i = 0; i < match->nheld; i++)
		smudge_region_mark(match->held[i], 0,
				   smudge_region_npages(match->held[i]));
}
