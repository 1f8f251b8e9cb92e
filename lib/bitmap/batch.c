/* SPDX-License-Identifier: MIT */
/*
 * Batches: the memory for the edges of runs, and reads of them as runs.
 */
#include "bitmap/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bitmap/kernels/kernels.h"

#define MIN_RUNS 4096
#define MAX_RUNS (UINT64_C(1) << 30)

/* A take always gets past one group at least, and sizes fit. */
_Static_assert(2 * MIN_RUNS >= SMI_GROUP_MAX_EDGES + 1, "room for one group");
_Static_assert(sizeof(size_t) >= 8, "64-bit processors only");

static int no_memory(size_t max_runs, struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, "batch",
				"no memory for a batch of %zu runs", max_runs);
}

int smudge_batch_create(size_t max_runs, struct smudge_batch **ret_batch,
			struct smudge_error *err)
{
	struct smudge_batch *batch;
	void *edges;

	smudge_error_clear(err);
	if (max_runs > MAX_RUNS)
		return smudge_error_set(err, -EINVAL, "batch",
					"a batch has at most 2^30 runs, not "
					"%zu",
					max_runs);
	if (max_runs < MIN_RUNS)
		max_runs = MIN_RUNS;
	batch = calloc(1, sizeof(*batch));
	if (!batch)
		return no_memory(max_runs, err);
	batch->max_edges = 2 * max_runs;
	batch->mapped_bytes =
		(batch->max_edges + SMI_EDGE_SLACK) * sizeof(uint32_t);
	edges = mmap(NULL, batch->mapped_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (edges == MAP_FAILED) {
		free(batch);
		return no_memory(max_runs, err);
	}
	batch->edges = edges;
	*ret_batch = batch;
	return 0;
}

int smudge_batch_destroy(struct smudge_batch *batch)
{
	if (!batch)
		return 0;
	if (batch->is_taken)
		return -EBUSY;
	munmap(batch->edges, batch->mapped_bytes);
	free(batch);
	return 0;
}

bool smudge_batch_is_empty(const struct smudge_batch *batch)
{
	return !batch->is_taken;
}

size_t smudge_batch_nruns(const struct smudge_batch *batch)
{
	return batch->nedges / 2;
}

uint64_t smudge_batch_npages(const struct smudge_batch *batch)
{
	uint64_t n = 0;

	for (size_t i = 0; i < batch->nedges; i += 2)
		n += batch->edges[i + 1] - batch->edges[i];
	return n;
}

uint64_t smudge_batch_end_page(const struct smudge_batch *batch)
{
	return batch->end_page;
}

struct smudge_run smudge_batch_run(const struct smudge_batch *batch,
				   size_t index)
{
	struct smudge_run run = {0, 0};

	if (index < batch->nedges / 2) {
		const uint32_t *edge = batch->edges + 2 * index;

		run.first_page = batch->base_page + edge[0];
		run.npages = edge[1] - edge[0];
	}
	return run;
}

size_t smudge_batch_runs(const struct smudge_batch *batch, size_t index,
			 struct smudge_run *runs, size_t max)
{
	size_t nruns = batch->nedges / 2;
	uint64_t base = batch->base_page;
	const uint32_t *edge;

	if (index >= nruns)
		return 0;
	edge = batch->edges + 2 * index;
	if (max > nruns - index)
		max = nruns - index;
	for (size_t i = 0; i < max; i++) {
		runs[i].first_page = base + edge[2 * i];
		runs[i].npages = edge[2 * i + 1] - edge[2 * i];
	}
	return max;
}

void smudge_batch_discard(struct smudge_batch *batch)
{
	if (!batch->owner)
		smi_batch_reset(batch);
}
