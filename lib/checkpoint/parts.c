/* SPDX-License-Identifier: MIT */
/*
 * Each thread takes a block of the memory, large at first and smaller towards
 * the end, and works through it with a reader of its own. So the tables of a
 * long chain are read for each block by one thread, and the threads end at
 * about the same time. In a block long runs of zeros are found first, which
 * need no reading.
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
/* A block, unless the region ends: 64 MiB to 4 GiB, which a reader locates. */
#define MIN_BLOCK_PAGES (UINT64_C(1) << 14)
#define MAX_BLOCK_PAGES (UINT64_C(1) << 20)

/* Pages [page, end_page) of a region. */
struct block {
	size_t region;
	uint64_t page, end_page;
};

struct walk {
	const struct smi_parts *parts;
	unsigned int nthreads; /* at most so many share the work */
	uint64_t total_npages;
	pthread_mutex_t lock;
	size_t region;		 /* lock; of the next block */
	uint64_t page;		 /* lock */
	uint64_t left_npages;	 /* lock; in no block so far */
	uint64_t done_npages;	 /* lock */
	int ret;		 /* lock; the first failure */
	struct smudge_error err; /* lock; its sentence */
};

static uint64_t npages_of(const struct walk *w, size_t region)
{
	return w->parts->chain->layer.regions[region].size_bytes >>
	       SMI_QCOW2_PAGE_SHIFT;
}

static bool is_left_out(const struct walk *w, size_t region)
{
	return w->parts->is_left_out && w->parts->is_left_out[region];
}

/* Under the lock. */
static void fail(struct walk *w, int ret, const struct smudge_error *err)
{
	if (w->ret < 0)
		return;
	w->ret = ret;
	w->err = *err;
}

/* Under the lock: @npages more are done. */
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

/* A part is done, or failed. Return: shall the thread continue? */
static bool settle(struct walk *w, int ret, uint64_t npages,
		   const struct smudge_error *err)
{
	bool continues;

	pthread_mutex_lock(&w->lock);
	if (ret < 0)
		fail(w, ret, err);
	else
		report(w, npages);
	continues = w->ret == 0;
	pthread_mutex_unlock(&w->lock);
	return continues;
}

/* Half of a thread's share of what is left, in whole parts. Under the lock. */
static uint64_t block_npages(const struct walk *w)
{
	uint64_t npages = w->left_npages / (2 * (uint64_t)w->nthreads);

	npages &= ~(MIN_BLOCK_PAGES - 1);
	return min_u64(max_u64(npages, MIN_BLOCK_PAGES), MAX_BLOCK_PAGES);
}

/* Return: is there one? */
static bool take_block(struct walk *w, struct block *block)
{
	size_t nregions = w->parts->chain->layer.nregions;
	bool is_there;

	pthread_mutex_lock(&w->lock);
	while (w->region < nregions && (is_left_out(w, w->region) ||
					w->page == npages_of(w, w->region))) {
		w->region++;
		w->page = 0;
	}
	is_there = w->ret == 0 && w->region < nregions;
	if (is_there) {
		block->region = w->region;
		block->page = w->page;
		block->end_page = min_u64(npages_of(w, w->region),
					  w->page + block_npages(w));
		w->page = block->end_page;
		w->left_npages -= block->end_page - block->page;
	}
	pthread_mutex_unlock(&w->lock);
	return is_there;
}

/* The next part of a block. */
static int find_part(const struct walk *w, struct smi_page_reader *reader,
		     const struct block *block, struct smi_part *ret_part,
		     bool *ret_are_zeros, struct smudge_error *err)
{
	uint64_t nzeros;
	int ret;

	*ret_part = smi_part_at(&w->parts->chain->layer, block->region,
				block->page, block->end_page - block->page);
	ret = smi_page_reader_locate(reader, ret_part, err);
	if (ret == 0)
		ret = smi_page_reader_zeros(reader, ret_part, &nzeros, err);
	if (ret < 0)
		return ret;
	*ret_are_zeros = nzeros != 0;
	ret_part->npages = nzeros ? min_u64(nzeros, MAX_ZERO_PAGES)
				  : min_u64(ret_part->npages, SMI_PART_PAGES);
	return 0;
}

/* Return: shall the thread continue? */
static bool work_through(struct walk *w, struct smi_page_reader *reader,
			 void *buffer, struct block *block)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool are_zeros, continues = true;
	struct smi_part part = {0};

	while (continues && block->page < block->end_page) {
		int ret = find_part(w, reader, block, &part, &are_zeros, &err);

		if (ret == 0)
			ret = w->parts->work(w->parts->opaque, reader, buffer,
					     &part, are_zeros, &err);
		block->page += part.npages;
		continues = settle(w, ret, part.npages, &err);
	}
	return continues;
}

static void *thread_main(void *opaque)
{
	struct walk *w = opaque;
	void *buffer = malloc(SMI_READ_PAGES * SMI_QCOW2_PAGE_BYTES);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_page_reader *reader = NULL;
	struct block block;
	int ret =
		buffer ? smi_page_reader_create(w->parts->chain, &reader, &err)
		       : smudge_error_set(&err, -ENOMEM, WHERE,
					  "no memory for pages of a layer");

	if (ret < 0)
		settle(w, ret, 0, &err);
	else
		while (take_block(w, &block) &&
		       work_through(w, reader, buffer, &block))
			;
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
	unsigned int nstarted = 0;
	pthread_t threads[MAX_THREADS];

	while (nstarted < w->nthreads - 1 &&
	       pthread_create(&threads[nstarted], NULL, thread_main, w) == 0)
		nstarted++;
	thread_main(w);
	for (unsigned int i = 0; i < nstarted; i++)
		pthread_join(threads[i], NULL);
}

int smi_parts_each(const struct smi_parts *parts, struct smudge_error *err)
{
	struct walk w = {.parts = parts,
			 .nthreads = count_threads(parts),
			 .err = SMUDGE_ERROR_INIT};

	for (size_t i = 0; i < parts->chain->layer.nregions; i++)
		w.total_npages += is_left_out(&w, i) ? 0 : npages_of(&w, i);
	w.left_npages = w.total_npages;
	pthread_mutex_init(&w.lock, NULL);
	work_together(&w);
	pthread_mutex_destroy(&w.lock);
	if (w.ret < 0 && err)
		*err = w.err;
	return w.ret;
}
