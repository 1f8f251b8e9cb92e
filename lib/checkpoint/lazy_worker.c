/* SPDX-License-Identifier: MIT */
/*
 * Pages are read into a buffer, compared there with their digests, and copied
 * to where they belong by the kernel. A page that is waited for comes alone;
 * its neighbours follow while no other page is waited for.
 */
#include "checkpoint/lazy_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "qcow2/format.h"
#include "sys/guard.h"

#define WHERE "restore"

int smi_lazy_worker_open(struct smi_lazy_worker *worker,
			 const struct smudge_lazy *lazy, uint64_t room_npages,
			 struct smudge_error *err)
{
	int ret;

	*worker = (struct smi_lazy_worker){.room_npages = room_npages};
	worker->buffer = malloc(room_npages * SMI_QCOW2_PAGE_BYTES);
	worker->are_zeros = calloc(room_npages, sizeof(*worker->are_zeros));
	if (!worker->buffer || !worker->are_zeros)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for pages of a layer");
	ret = smi_page_reader_create(lazy->chain, &worker->reader, err);
	if (ret == 0)
		smi_page_reader_keep(worker->reader, lazy->kept);
	return ret;
}

void smi_lazy_worker_prepare(struct smi_lazy_worker *worker,
			     const struct smudge_lazy *lazy)
{
	const struct smi_layer *layer = &lazy->chain->layer;
	size_t largest = lazy->layer_regions[0];
	struct smi_part part;

	for (size_t i = 1; i < lazy->match.nheld; i++) {
		if (layer->regions[lazy->layer_regions[i]].size_bytes >
		    layer->regions[largest].size_bytes)
			largest = lazy->layer_regions[i];
	}
	part = smi_part_at(layer, largest, 0, UINT64_MAX);
	smi_page_reader_await(worker->reader);
	(void)smi_page_reader_locate_digests(worker->reader, &part, NULL);
}

void smi_lazy_worker_close(struct smi_lazy_worker *worker)
{
	smi_page_reader_destroy(worker->reader);
	free(worker->buffer);
	free(worker->are_zeros);
	*worker = (struct smi_lazy_worker){0};
}

/*
 * Pages without a digest are zeros, whatever the layer has there; but nothing
 * tells a table that was lost from one that never was, except the sum of all
 * tables. So zeros wait until that is known, the first time.
 */
static int check_zeros(const struct smi_lazy_worker *worker,
		       struct smudge_chain *chain, uint64_t page,
		       uint64_t npages, struct smudge_error *err)
{
	for (uint64_t i = 0; i < npages; i++) {
		if (worker->are_zeros[page + i])
			return smi_chain_need_tables(chain, err);
	}
	return 0;
}

static int read_part(struct smi_lazy_worker *worker,
		     const struct smi_part *part, uint64_t skip,
		     struct smudge_error *err)
{
	uint8_t *bytes = worker->buffer + skip * SMI_QCOW2_PAGE_BYTES;
	const struct smi_qcow2_digest *digests;
	uint64_t nzeros = 0;
	int ret = smi_page_reader_digests(worker->reader, part, &digests, err);

	for (uint64_t i = 0; ret == 0 && i < part->npages; i++) {
		worker->are_zeros[skip + i] =
			smi_qcow2_digest_is_zero(digests[i]);
		nzeros += worker->are_zeros[skip + i];
	}
	if (ret == 0 && nzeros == part->npages)
		memset(bytes, 0, part->npages * SMI_QCOW2_PAGE_BYTES);
	else if (ret == 0)
		ret = smi_page_reader_pages(worker->reader, part, bytes, err);
	return ret;
}

static int read_pages(const struct smudge_lazy *lazy,
		      struct smi_lazy_worker *worker, size_t region,
		      uint64_t first_page, uint64_t npages,
		      struct smudge_error *err)
{
	struct smi_part part = {0};
	int ret = 0;

	for (uint64_t done = 0; ret == 0 && done < npages;
	     done += part.npages) {
		part = smi_part_at(&lazy->chain->layer,
				   lazy->layer_regions[region],
				   first_page + done, npages - done);
		part.npages = min_u64(part.npages, SMI_PART_PAGES);
		ret = read_part(worker, &part, done, err);
	}
	return ret;
}

/* Is this page of the pager, of @npages, zeros? */
static bool is_zero(const struct smi_lazy_worker *worker, uint64_t page,
		    uint64_t npages)
{
	for (uint64_t i = 0; i < npages; i++) {
		if (!worker->are_zeros[page + i])
			return false;
	}
	return true;
}

/* Pages of the buffer that are alike from @page on, whole ones of @unit. */
static uint64_t count_alike(const struct smi_lazy_worker *worker, uint64_t page,
			    uint64_t npages, uint64_t unit)
{
	bool are_zeros = is_zero(worker, page, unit);
	uint64_t n = unit;

	while (page + n < npages &&
	       is_zero(worker, page + n, unit) == are_zeros)
		n += unit;
	return n;
}

int smi_lazy_worker_bring(struct smudge_lazy *lazy,
			  struct smi_lazy_worker *worker, size_t region,
			  uint64_t first_page, uint64_t npages, bool awaits,
			  uint64_t *ret_bytes, struct smudge_error *err)
{
	uint64_t unit = smudge_pager_page_bytes(lazy->pager, region) >>
			SMI_QCOW2_PAGE_SHIFT;
	int ret = read_pages(lazy, worker, region, first_page, npages, err);
	uint64_t n;

	*ret_bytes = 0;
	if (ret == 0)
		ret = check_zeros(worker, lazy->chain, 0, npages, err);
	for (uint64_t i = 0; ret == 0 && i < npages; i += n) {
		bool are_zeros = is_zero(worker, i, unit);
		uint64_t offset = (first_page + i) << SMI_QCOW2_PAGE_SHIFT;
		uint64_t some_bytes = 0;

		n = count_alike(worker, i, npages, unit);
		if (are_zeros)
			smudge_pager_know_zeros(lazy->pager, region, offset,
						n << SMI_QCOW2_PAGE_SHIFT);
		if (!are_zeros || awaits)
			ret = smudge_pager_install(
				lazy->pager, region, offset,
				n << SMI_QCOW2_PAGE_SHIFT,
				are_zeros ? NULL
					  : worker->buffer +
						    i * SMI_QCOW2_PAGE_BYTES,
				&some_bytes, err);
		*ret_bytes += some_bytes;
	}
	return ret;
}

static bool is_waited(const struct smudge_lazy *lazy)
{
	struct smudge_pager_stats stats = {.size = sizeof(stats)};

	return smudge_pager_stats(lazy->pager, &stats) < 0 || stats.is_waited;
}

/* Relaxed: statistics. */
static void count(_Atomic uint64_t *counter, uint64_t bytes)
{
	atomic_fetch_add_explicit(counter, bytes, memory_order_relaxed);
}

static int read_ahead(struct smudge_lazy *lazy, struct smi_lazy_worker *worker,
		      size_t region, uint64_t start_bytes, uint64_t end_bytes,
		      struct smudge_error *err)
{
	uint64_t run_end = end_bytes;
	uint64_t bytes;
	int ret = 0;

	while (ret == 0 && start_bytes < end_bytes && !is_waited(lazy) &&
	       smudge_pager_next_missing(lazy->pager, region, &start_bytes,
					 &run_end)) {
		ret = smi_lazy_worker_bring(lazy, worker, region,
					    start_bytes >> SMI_QCOW2_PAGE_SHIFT,
					    (run_end - start_bytes) >>
						    SMI_QCOW2_PAGE_SHIFT,
					    false, &bytes, err);
		count(&lazy->read_ahead_bytes, bytes);
		start_bytes = run_end;
		run_end = end_bytes;
	}
	return ret;
}

/* A page may be waited for as soon as there is a pager, before all is ready. */
static bool wait_for_workers(struct smudge_lazy *lazy)
{
	SMI_SYS_GUARD(&lazy->lock);
	while (lazy->phase == SMI_LAZY_BEGINS)
		pthread_cond_wait(&lazy->changed, &lazy->lock);
	return lazy->phase == SMI_LAZY_HAS_BEGUN;
}

static int bring(struct smudge_lazy *lazy, unsigned int thread, size_t region,
		 uint64_t offset_bytes, size_t length_bytes,
		 struct smudge_error *err)
{
	struct smi_lazy_worker *worker = &lazy->workers[thread];
	uint64_t end_bytes =
		offset_bytes + (worker->room_npages << SMI_QCOW2_PAGE_SHIFT);
	uint64_t bytes;
	int ret = smi_lazy_worker_bring(
		lazy, worker, region, offset_bytes >> SMI_QCOW2_PAGE_SHIFT,
		length_bytes >> SMI_QCOW2_PAGE_SHIFT, true, &bytes, err);

	count(&lazy->fault_bytes, bytes);
	if (ret < 0)
		return ret;
	return read_ahead(lazy, worker, region, offset_bytes + length_bytes,
			  end_bytes, err);
}

int smi_lazy_bring(void *opaque, unsigned int thread, size_t region,
		   uint64_t offset_bytes, size_t length_bytes,
		   struct smudge_error *err)
{
	struct smudge_lazy *lazy = opaque;

	return wait_for_workers(lazy)
		       ? bring(lazy, thread, region, offset_bytes, length_bytes,
			       err)
		       : smudge_pager_install(lazy->pager, region, offset_bytes,
					      length_bytes, NULL, NULL, err);
}
