/* SPDX-License-Identifier: MIT */
/*
 * What is public of a layer.
 */
#include "checkpoint/layer_info.h"

#include "common/little_endian.h"

static struct smudge_digest as_bytes(struct smi_qcow2_digest digest)
{
	struct smudge_digest bytes;

	little_endian_put(bytes.bytes, digest.low, 8);
	little_endian_put(bytes.bytes + 8, digest.high, 8);
	return bytes;
}

void smi_layer_info(const struct smi_layer *layer, uint64_t number,
		    struct smudge_layer_info *ret_info)
{
	const struct smi_layer_stats *stats = &layer->stats;
	bool several = stats->pauses > 1;

	*ret_info = (struct smudge_layer_info){
		.size = sizeof(*ret_info),
		.number = number,
		.digest = as_bytes(layer->digest),
		.time_ns = stats->time_ns,
		.pause_ns = stats->pause_ns,
		.harvest_ns = stats->harvest_ns,
		.copy_ns = stats->copy_ns,
		.write_ns = stats->write_ns,
		.pages = stats->pages,
		.zero_pages = stats->zero_pages,
		.nregions = layer->nregions,
		.nblobs = layer->nblobs,
		.pauses = several ? stats->pauses : 1,
		.paused_ns = several ? stats->paused_ns : stats->pause_ns,
		.longest_pause_ns =
			several ? stats->longest_pause_ns : stats->pause_ns,
	};
	for (size_t i = 0; i < layer->nregions; i++)
		ret_info->memory_bytes += layer->regions[i].size_bytes;
}
