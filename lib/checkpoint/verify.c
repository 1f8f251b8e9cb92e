/* SPDX-License-Identifier: MIT */
/*
 * Read everything and compare it with its digests, in several threads.
 *
 * One place, under the lock, says which pages are next; long runs of zeros,
 * which need no reading, are counted there. A thread takes 16 MiB at a time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint/chain.h"
#include "checkpoint/page_reader.h"
#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

#define MAX_THREADS 8

struct verify {
	struct smudge_chain *chain;
	int (*progress)(void *opaque, uint64_t done_bytes,
			uint64_t total_bytes);
	void *opaque;
	uint64_t total_npages;
	pthread_mutex_t lock;
	struct smi_page_reader *scout; /* lock; finds zeros */
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

static void fail(struct verify *v, int ret, const struct smudge_error *err)
{
	if (v->ret < 0)
		return;
	v->ret = ret;
	v->err = *err;
}

static void report(struct verify *v, uint64_t npages)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	v->done_npages += npages;
	if (v->ret < 0 || !v->progress ||
	    v->progress(v->opaque, v->done_npages * SMI_QCOW2_PAGE_BYTES,
			v->total_npages * SMI_QCOW2_PAGE_BYTES) == 0)
		return;
	fail(v, smudge_error_set(&err, -ECANCELED, WHERE, "cancelled"), &err);
}

/* The rest of the region of which pages are next. */
static struct smi_part rest(const struct verify *v)
{
	const struct smi_layer *layer = &v->chain->layer;

	return smi_part_at(layer, v->region, v->page,
			   npages_of(&layer->regions[v->region]) - v->page);
}

static void advance(struct verify *v, uint64_t npages)
{
	v->page += npages;
	if (v->page < npages_of(&v->chain->layer.regions[v->region]))
		return;
	v->page = 0;
	v->region++;
}

/* Under the lock. Return: is there a part to be read? */
static bool next_part(struct verify *v, struct smi_part *ret_part)
{
	while (v->ret == 0 && v->region < v->chain->layer.nregions) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		struct smi_part part = rest(v);
		uint64_t nzeros;
		int ret = smi_page_reader_zeros(v->scout, &part, &nzeros, &err);

		if (ret < 0)
			fail(v, ret, &err);
		if (ret == 0 && !nzeros) {
			part.npages = min_u64(part.npages, SMI_READ_PAGES);
			advance(v, part.npages);
			*ret_part = part;
			return true;
		}
		if (ret == 0) {
			advance(v, nzeros);
			report(v, nzeros);
		}
	}
	return false;
}

static void verify_parts(struct verify *v, struct smi_page_reader *reader,
			 void *buffer)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_part part;
	int ret;

	pthread_mutex_lock(&v->lock);
	while (next_part(v, &part)) {
		pthread_mutex_unlock(&v->lock);
		ret = smi_page_reader_pages(reader, &part, buffer, &err);
		pthread_mutex_lock(&v->lock);
		if (ret < 0)
			fail(v, ret, &err);
		else
			report(v, part.npages);
	}
	pthread_mutex_unlock(&v->lock);
}

static void *work(void *opaque)
{
	struct verify *v = opaque;
	void *buffer = malloc(SMI_READ_PAGES * SMI_QCOW2_PAGE_BYTES);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_page_reader *reader = NULL;
	int ret = buffer ? smi_page_reader_create(v->chain, &reader, &err)
			 : smudge_error_set(&err, -ENOMEM, WHERE,
					    "no memory to verify with");

	if (ret == 0) {
		verify_parts(v, reader, buffer);
	} else {
		pthread_mutex_lock(&v->lock);
		fail(v, ret, &err);
		pthread_mutex_unlock(&v->lock);
	}
	smi_page_reader_destroy(reader);
	free(buffer);
	return NULL;
}

/* This thread works too, and alone where no other can be started. */
static void work_together(struct verify *v)
{
	long nprocessors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MAX_THREADS];
	int nthreads = 0;

	while (nthreads < MAX_THREADS - 1 && nthreads + 1 < nprocessors &&
	       pthread_create(&threads[nthreads], NULL, work, v) == 0)
		nthreads++;
	work(v);
	for (int i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
}

static int start(struct verify *v, struct smudge_error *err)
{
	int ret = smi_page_reader_create(v->chain, &v->scout, err);

	if (ret < 0)
		return ret;
	work_together(v);
	smi_page_reader_destroy(v->scout);
	if (v->ret < 0 && err)
		*err = v->err;
	return v->ret;
}

int smi_chain_check_pages(struct smudge_chain *chain,
			  int (*progress)(void *opaque, uint64_t done_bytes,
					  uint64_t total_bytes),
			  void *opaque, struct smudge_error *err)
{
	struct verify v = {
		.chain = chain,
		.progress = progress,
		.opaque = opaque,
		.err = SMUDGE_ERROR_INIT,
	};
	int ret;

	for (size_t i = 0; i < chain->layer.nregions; i++)
		v.total_npages += npages_of(&chain->layer.regions[i]);
	pthread_mutex_init(&v.lock, NULL);
	ret = start(&v, err);
	pthread_mutex_destroy(&v.lock);
	return ret;
}

int smudge_chain_verify(struct smudge_chain *chain,
			int (*progress)(void *opaque, uint64_t done_bytes,
					uint64_t total_bytes),
			void *opaque, struct smudge_error *err)
{
	size_t image;
	int ret;

	smudge_error_clear(err);
	/* Which parent it has now was decided when the chain was opened. */
	ret = smi_chain_find_other_parent(chain->images, &image, err);
	if (ret == 0)
		ret = smi_chain_check_tables(chain, err);
	return ret < 0 ? ret
		       : smi_chain_check_pages(chain, progress, opaque, err);
}
