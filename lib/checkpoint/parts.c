/* SPDX-License-Identifier: MIT */
/*
 * One place, under the lock, says which pages are next; a scout finds long runs
 * of zeros there, which need no reading. A thread takes 16 MiB at a time, or a
 * GiB of zeros.
 */
#include "checkpoint/parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

#define USUAL_THREADS  8
#define MAX_THREADS    64
#define MAX_ZERO_PAGES (UINT64_C(1) << 18)

struct walk {
	const struct smi_parts *parts;
	uint64_t total_npages;
	pthread_mutex_t lock;
	struct smi_page_reader *scout; /* lock */
	size_t region;		       /* lock; of the next pages */
	uint64_t page;		       /* lock */
	uint64_t done_npages;	       /* lock */
	int ret;		       /* lock; the first failure */
	struct smudge_error err;       /* lock; its sentence */
};

static uint64_t npages_of(const struct smi_layer_region *region)
{
	return region->size_bytes >> SMI_QCOW2_PAGE_SHIFT;
}

static bool is_left_out(const struct walk *w, size_t region)
{
	return w->parts->is_left_out && w->parts->is_left_out[region];
}

static void fail(struct walk *w, int ret, const struct smudge_error *err)
{
	if (w->ret < 0)
		return;
	w->ret = ret;
	w->err = *err;
}

static void report(struct walk *w, uint64_t npages)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	w->done_npages += npages;
	if (w->ret < 0 || !w->parts->progress ||
	    w->parts->progress(w->parts->progress_opaque,
			       w->done_npages * SMI_QCOW2_PAGE_BYTES,
			       w->total_npages * SMI_QCOW2_PAGE_BYTES) == 0)
		return;
	fail(w, smudge_error_set(&err, -ECANCELED, WHERE, "cancelled"), &err);
}

static void advance(struct walk *w, uint64_t npages)
{
	w->page += npages;
	if (w->page < npages_of(&w->parts->chain->layer.regions[w->region]))
		return;
	w->page = 0;
	w->region++;
}

/* Under the lock. Return: is there one? */
static bool next_part(struct walk *w, struct smi_part *ret_part,
		      bool *ret_are_zeros)
{
	const struct smi_layer *layer = &w->parts->chain->layer;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t nzeros;
	int ret;

	while (w->region < layer->nregions && is_left_out(w, w->region))
		w->region++;
	if (w->ret < 0 || w->region == layer->nregions)
		return false;
	*ret_part =
		smi_part_at(layer, w->region, w->page,
			    npages_of(&layer->regions[w->region]) - w->page);
	ret = smi_page_reader_zeros(w->scout, ret_part, &nzeros, &err);
	if (ret < 0) {
		fail(w, ret, &err);
		return false;
	}
	*ret_are_zeros = nzeros != 0;
	ret_part->npages = nzeros ? min_u64(nzeros, MAX_ZERO_PAGES)
				  : min_u64(ret_part->npages, SMI_READ_PAGES);
	advance(w, ret_part->npages);
	return true;
}

static void work_on(struct walk *w, struct smi_page_reader *reader,
		    void *buffer)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_part part;
	bool are_zeros;
	int ret;

	pthread_mutex_lock(&w->lock);
	while (next_part(w, &part, &are_zeros)) {
		pthread_mutex_unlock(&w->lock);
		ret = w->parts->work(w->parts->opaque, reader, buffer, &part,
				     are_zeros, &err);
		pthread_mutex_lock(&w->lock);
		if (ret < 0)
			fail(w, ret, &err);
		else
			report(w, part.npages);
	}
	pthread_mutex_unlock(&w->lock);
}

static void *thread_main(void *opaque)
{
	struct walk *w = opaque;
	void *buffer = malloc(SMI_READ_PAGES * SMI_QCOW2_PAGE_BYTES);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_page_reader *reader = NULL;
	int ret =
		buffer ? smi_page_reader_create(w->parts->chain, &reader, &err)
		       : smudge_error_set(&err, -ENOMEM, WHERE,
					  "no memory for pages of a layer");

	if (ret == 0) {
		work_on(w, reader, buffer);
	} else {
		pthread_mutex_lock(&w->lock);
		fail(w, ret, &err);
		pthread_mutex_unlock(&w->lock);
	}
	smi_page_reader_destroy(reader);
	free(buffer);
	return NULL;
}

static unsigned int count_threads(const struct smi_parts *parts)
{
	long nprocessors = sysconf(_SC_NPROCESSORS_ONLN);

	if (parts->nthreads)
		return (unsigned int)min_u64(parts->nthreads, MAX_THREADS);
	return nprocessors < 1 ? 1
			       : (unsigned int)min_u64((uint64_t)nprocessors,
						       USUAL_THREADS);
}

/* This thread works too. */
static void work_together(struct walk *w)
{
	unsigned int nothers = count_threads(w->parts) - 1, nstarted = 0;
	pthread_t threads[MAX_THREADS];

	while (nstarted < nothers &&
	       pthread_create(&threads[nstarted], NULL, thread_main, w) == 0)
		nstarted++;
	thread_main(w);
	for (unsigned int i = 0; i < nstarted; i++)
		pthread_join(threads[i], NULL);
}

int smi_parts_each(const struct smi_parts *parts, struct smudge_error *err)
{
	const struct smi_layer *layer = &parts->chain->layer;
	struct walk w = {.parts = parts, .err = SMUDGE_ERROR_INIT};
	int ret = smi_page_reader_create(parts->chain, &w.scout, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < layer->nregions; i++)
		w.total_npages +=
			is_left_out(&w, i) ? 0 : npages_of(&layer->regions[i]);
	pthread_mutex_init(&w.lock, NULL);
	work_together(&w);
	pthread_mutex_destroy(&w.lock);
	smi_page_reader_destroy(w.scout);
	if (w.ret < 0 && err)
		*err = w.err;
	return w.ret;
}
