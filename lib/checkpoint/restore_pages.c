/* SPDX-License-Identifier: MIT */
/*
 * Pages with content are read straight into the memory and verified there, or,
 * where pages of zeros are among them, by way of a buffer, since reading zeros
 * would populate the memory with them. Images of a long chain are opened anew
 * for each read, so a part is read at once.
 */
#include "checkpoint/restore_pages.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <smudge/populated.h>

#include "common/range.h"
#include "qcow2/format.h"
#include "sys/page.h"
#include "sys/pagemap.h"

/* Shorter runs are written, which is quicker than a hole. */
#define HOLE_PAGES 64

/* Shorter runs are populated by a fault per page. */
#define POPULATED_PAGES 16

/* Linux 5.14 */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* The address of a page of 4 KiB. */
static uint8_t *page_at(const struct smudge_region *region, uint64_t page)
{
	return (uint8_t *)smudge_region_hva(region) +
	       page * SMI_QCOW2_PAGE_BYTES;
}

static unsigned int page_shift(const struct smudge_region *region)
{
	return smudge_region_page_shift(region) - SMI_QCOW2_PAGE_SHIFT;
}

/*
 * The next pages of 4 KiB in [@page, @end) that may hold something; false:
 * there are none.
 */
static bool next_populated(struct smudge_region *region, uint64_t page,
			   uint64_t end, struct smudge_run *ret_run)
{
	unsigned int shift = page_shift(region);
	struct smudge_run run = {page, end - page};
	int ret;

	if (page == end)
		return false;
	ret = smudge_region_next_populated(
		region, page >> shift, ((end - 1) >> shift) + 1, &run, NULL);
	if (ret == 0)
		return false;
	if (ret > 0) {
		uint64_t run_end = (run.first_page + run.npages) << shift;

		run.first_page = max_u64(page, run.first_page << shift);
		run.npages = min_u64(end, run_end) - run.first_page;
	}
	*ret_run = run;
	return true;
}

/*
 * Drop the content of the whole pages of the region that are in @run. Whether
 * that worked shows in what is still populated.
 */
static void drop(struct smudge_region *region, const struct smudge_run *run)
{
	unsigned int shift = page_shift(region);
	uint64_t mask = (UINT64_C(1) << shift) - 1;
	uint64_t first = (run->first_page + mask) >> shift;
	uint64_t end = (run->first_page + run->npages) >> shift;

	if (run->npages < HOLE_PAGES || first >= end ||
	    smudge_region_discard(region, first, end - first, -1, NULL) < 0)
		return;
}

static void clear(const struct smudge_region *region,
		  const struct smudge_run *run)
{
	for (uint64_t i = 0; i < run->npages; i++) {
		uint8_t *page = page_at(region, run->first_page + i);

		if (!smi_sys_page_is_zero(page, SMI_QCOW2_PAGE_BYTES))
			memset(page, 0, SMI_QCOW2_PAGE_BYTES);
	}
}

/*
 * A discarded page of a private mapping of a file has the file's content, and
 * some memory cannot be discarded. Both is populated still, and is cleared.
 */
void smi_restore_zeros(struct smudge_region *region, uint64_t first_page,
		       uint64_t npages)
{
	uint64_t end = first_page + npages;
	struct smudge_run run;

	for (uint64_t page = first_page;
	     next_populated(region, page, end, &run);
	     page = run.first_page + run.npages)
		drop(region, &run);
	for (uint64_t page = first_page;
	     next_populated(region, page, end, &run);
	     page = run.first_page + run.npages)
		clear(region, &run);
}

static uint64_t count_zeros(const struct smi_qcow2_digest *digests,
			    uint64_t npages)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < npages; i++)
		n += smi_qcow2_digest_is_zero(digests[i]);
	return n;
}

static uint64_t count_alike(const struct smi_qcow2_digest *digests,
			    uint64_t npages)
{
	bool are_zeros = smi_qcow2_digest_is_zero(digests[0]);
	uint64_t n = 1;

	while (n < npages && smi_qcow2_digest_is_zero(digests[n]) == are_zeros)
		n++;
	return n;
}

static void clear_runs(struct smudge_region *region,
		       const struct smi_part *part,
		       const struct smi_qcow2_digest *digests)
{
	uint64_t n;

	for (uint64_t i = 0; i < part->npages; i += n) {
		n = count_alike(digests + i, part->npages - i);
		if (smi_qcow2_digest_is_zero(digests[i]))
			smi_restore_zeros(region, part->first_page + i, n);
	}
}

/* How many can be written without a fault, from the first on. */
static uint64_t nready(int pagemap, const uint8_t *at, uint64_t npages)
{
	uint64_t start = (uintptr_t)at;
	uint64_t end = start + npages * SMI_QCOW2_PAGE_BYTES;

	/* Pages of the host that are larger are not asked about. */
	if (pagemap < 0 || sysconf(_SC_PAGESIZE) != SMI_QCOW2_PAGE_BYTES)
		return 0;
	return (smi_sys_pagemap_ready_end(pagemap, start, end) - start) >>
	       SMI_QCOW2_PAGE_SHIFT;
}

/*
 * Pages that will be written: an eighth of the time of a read into memory that
 * was never touched goes for faults. It is a help only, and may fail. Where no
 * page would fault it would take that time itself.
 * @pagemap: or -errno
 */
static void populate(const struct smudge_region *region, int pagemap,
		     uint64_t page, uint64_t npages)
{
	uint8_t *at = page_at(region, page);
	uint64_t n;

	if (npages < POPULATED_PAGES)
		return;
	n = nready(pagemap, at, npages);
	if (n < npages)
		(void)madvise(at + n * SMI_QCOW2_PAGE_BYTES,
			      (npages - n) * SMI_QCOW2_PAGE_BYTES,
			      MADV_POPULATE_WRITE);
}

static void close_pagemap(int pagemap)
{
	if (pagemap >= 0)
		close(pagemap);
}

/* @buffer has the part's pages, which are right. */
static void copy_runs(const struct smudge_region *region,
		      const struct smi_part *part,
		      const struct smi_qcow2_digest *digests,
		      const uint8_t *buffer)
{
	int pagemap = smi_sys_pagemap_open();
	uint64_t n;

	for (uint64_t i = 0; i < part->npages; i += n) {
		n = count_alike(digests + i, part->npages - i);
		if (smi_qcow2_digest_is_zero(digests[i]))
			continue;
		populate(region, pagemap, part->first_page + i, n);
		memcpy(page_at(region, part->first_page + i),
		       buffer + i * SMI_QCOW2_PAGE_BYTES,
		       n * SMI_QCOW2_PAGE_BYTES);
	}
	close_pagemap(pagemap);
}

/* No page of the part is zeros. */
static int read_straight(const struct smudge_region *region,
			 struct smi_page_reader *reader,
			 const struct smi_part *part, struct smudge_error *err)
{
	int pagemap = smi_sys_pagemap_open();

	populate(region, pagemap, part->first_page, part->npages);
	close_pagemap(pagemap);
	return smi_page_reader_pages(reader, part,
				     page_at(region, part->first_page), err);
}

/* Of at most SMI_READ_PAGES, some of which are zeros. */
static int read_by_buffer(struct smudge_region *region, bool is_zeroed,
			  struct smi_page_reader *reader,
			  const struct smi_part *part, void *buffer,
			  struct smudge_error *err)
{
	const struct smi_qcow2_digest *digests;
	int ret = smi_page_reader_digests(reader, part, &digests, err);

	if (ret < 0)
		return ret;
	/* First: a page of the region that gets content is populated as one. */
	if (!is_zeroed)
		clear_runs(region, part, digests);
	/* Pages without a digest are zeros, whatever the layer has there. */
	if (count_zeros(digests, part->npages) == part->npages)
		return 0;
	ret = smi_page_reader_pages(reader, part, buffer, err);
	if (ret == 0)
		ret = smi_page_reader_digests(reader, part, &digests, err);
	if (ret == 0)
		copy_runs(region, part, digests, buffer);
	return ret;
}

int smi_restore_part(struct smudge_region *region, bool is_zeroed,
		     struct smi_page_reader *reader,
		     const struct smi_part *part, void *buffer,
		     struct smudge_error *err)
{
	const struct smi_qcow2_digest *digests;
	int ret = smi_page_reader_digests(reader, part, &digests, err);

	if (ret == 0 && !count_zeros(digests, part->npages))
		return read_straight(region, reader, part, err);
	for (uint64_t done = 0; ret == 0 && done < part->npages;
	     done += SMI_READ_PAGES) {
		struct smi_part some = smi_part_of(part, done, SMI_READ_PAGES);

		ret = read_by_buffer(region, is_zeroed, reader, &some, buffer,
				     err);
	}
	return ret;
}
