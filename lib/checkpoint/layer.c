/* SPDX-License-Identifier: MIT */
/*
 * The parts of a layer in memory.
 */
#include "checkpoint/layer.h"

#include <stdlib.h>
#include <string.h>

void smi_layer_clear(struct smi_layer *layer)
{
	for (size_t i = 0; i < layer->nregions; i++)
		free(layer->regions[i].extents);
	for (size_t i = 0; i < layer->nblobs; i++)
		free(layer->blobs[i].bytes);
	free(layer->regions);
	free(layer->blobs);
	*layer = (struct smi_layer){0};
}

size_t smi_layer_find_blob(const struct smi_layer *layer, const char *name)
{
	for (size_t i = 0; i < layer->nblobs; i++)
		if (!strcmp(layer->blobs[i].name, name))
			return i;
	return layer->nblobs;
}

size_t smi_layer_find_region(const struct smi_layer *layer, const char *name)
{
	for (size_t i = 0; i < layer->nregions; i++)
		if (!strcmp(layer->regions[i].name, name))
			return i;
	return layer->nregions;
}
