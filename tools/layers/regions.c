/* SPDX-License-Identifier: MIT */
/*
 * Regions of the open layer of a chain.
 */
#include "layers/regions.h"

#include <string.h>

struct smudge_layer_region layers_region(const struct smudge_chain *chain,
					 size_t index)
{
	struct smudge_layer_region region = {.size = sizeof(region)};

	(void)smudge_chain_region(chain, index, &region);
	return region;
}

bool layers_find_region(const struct smudge_chain *chain, const char *name,
			size_t *ret_index)
{
	size_t n = smudge_chain_nregions(chain);
	size_t i = 0;

	while (i < n && strcmp(layers_region(chain, i).name, name) != 0)
		i++;
	*ret_index = i;
	return i < n;
}
