/* SPDX-License-Identifier: MIT */
/*
 * The regions of a layer, by number and by name.
 */
#ifndef TOOLS_LAYERS_REGIONS_H
#define TOOLS_LAYERS_REGIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <smudge/layers.h>

/* A region of the open layer, which has it. */
struct smudge_layer_region layers_region(const struct smudge_chain *chain,
					 size_t index);

/* The region with this name. Return: is there one? */
bool layers_find_region(const struct smudge_chain *chain, const char *name,
			size_t *ret_index);

#endif
