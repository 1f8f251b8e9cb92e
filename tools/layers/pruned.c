/* SPDX-License-Identifier: MIT */
/*
 * What became of layers.
 */
#include "layers/pruned.h"

#include <inttypes.h>
#include <stdio.h>

#include "layers/layers.h"
#include "text.h"

static const char *const fates[] = {
	[SMUDGE_PRUNE_KEPT] = "kept",	  [SMUDGE_PRUNE_WAITING] = "waiting",
	[SMUDGE_PRUNE_SHARED] = "shared", [SMUDGE_PRUNE_READ] = "in-use",
	[SMUDGE_PRUNE_MERGED] = "merged", [SMUDGE_PRUNE_REMOVED] = "removed",
};

json_t *pruned_json(const struct smudge_pruned_layer *layer)
{
	json_t *object = json_pack("{s:s, s:b}", "fate", fates[layer->fate],
				   "rewritten", layer->is_rewritten);

	layers_add(object, "number", layer->number);
	layers_add(object, "time-ns", layer->time_ns);
	layers_add(object, "file-bytes", layer->file_bytes);
	if (layer->merged_into)
		layers_add(object, "merged-into", layer->merged_into);
	return object;
}

json_t *pruned_result_json(const struct smudge_prune_result *result)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"before", result->layers},
		{"removed", result->removed},
		{"merged", result->merged},
		{"rewritten", result->rewritten},
		{"waiting", result->waiting},
		{"in-use", result->in_use},
		{"in-use-number", result->in_use_number},
		{"before-bytes", result->before_bytes},
		{"after-bytes", result->after_bytes},
		{"waiting-bytes", result->waiting_bytes},
		{"written-bytes", result->written_bytes},
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		layers_add(object, numbers[i].name, numbers[i].value);
	return object;
}

static void print_fate(const struct smudge_pruned_layer *layer)
{
	switch (layer->fate) {
	case SMUDGE_PRUNE_MERGED:
		printf("merged into %" PRIu64 "\n", layer->merged_into);
		break;
	case SMUDGE_PRUNE_REMOVED:
		puts("removed");
		break;
	case SMUDGE_PRUNE_READ:
		puts("in use");
		break;
	case SMUDGE_PRUNE_WAITING:
		puts("unwanted; waits to be merged (--garbage)");
		break;
	case SMUDGE_PRUNE_SHARED:
		puts("unwanted; several layers stand on it");
		break;
	default:
		puts("kept");
		break;
	}
}

void pruned_print(const struct smudge_pruned_layer *layer, struct work *work)
{
	char time[LAYERS_TIME_BYTES], bytes[TEXT_BYTES];

	work_end(work);
	layers_time(layer->time_ns, time);
	text_bytes(bytes, (double)layer->file_bytes);
	printf("%6" PRIu64 "  %-19s  %9s  ", layer->number, time, bytes);
	print_fate(layer);
}

void pruned_print_result(const struct smudge_prune_result *result, bool is_dry)
{
	char before[TEXT_BYTES], after[TEXT_BYTES];

	text_bytes(before, (double)result->before_bytes);
	text_bytes(after, (double)result->after_bytes);
	printf("%" PRIu64 " of %" PRIu64 " layers %s removed, %" PRIu64
	       " merged into %" PRIu64 "; %s %s %s\n",
	       result->removed, result->layers, is_dry ? "would be" : "are",
	       result->merged, result->rewritten, before,
	       is_dry ? "would become" : "are now", after);
	if (!result->in_use)
		return;
	printf("%" PRIu64 " stay for the next time: ", result->in_use);
	if (result->in_use_number)
		printf("a program reads layer %" PRIu64 ", or ",
		       result->in_use_number);
	puts("what stands on them is no layer");
}
