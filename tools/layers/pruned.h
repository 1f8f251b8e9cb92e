/* SPDX-License-Identifier: MIT */
/*
 * What became of layers that were pruned, as text and as JSON.
 */
#ifndef TOOLS_LAYERS_PRUNED_H
#define TOOLS_LAYERS_PRUNED_H

#include <stdbool.h>

#include <jansson.h>

#include <smudge/prune.h>

#include "work.h"

json_t *pruned_json(const struct smudge_pruned_layer *layer);
json_t *pruned_result_json(const struct smudge_prune_result *result);

/* A row, but for a layer that stays as it is. @work: its line ends first. */
void pruned_print(const struct smudge_pruned_layer *layer, struct work *work);

/* One sentence. @is_dry: of what would be. */
void pruned_print_result(const struct smudge_prune_result *result, bool is_dry);

#endif
