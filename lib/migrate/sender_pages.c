/* SPDX-License-Identifier: MIT */
/*
 * Packing taken pages into PAGES and ZERO records.
 *
 * The machine continues to write while its pages are read. Each page is copied
 * once, and only the copy is tested for zeros and sealed, so a record always
 * matches its checksum. A page torn by a concurrent write does no harm: its
 * writer was re-armed before, so the page is dirty again.
 *
 * Layout of pages_record: the content is at a fixed offset and the runs end
 * where it begins, so a record is sent in one piece.
 */
#include "migrate/sender_pages.h"

#include <errno.h>
#include <stdlib.h>

#include "migrate/sender_peer.h"
#include "migrate/sender_untouched.h"
#include "sys/page.h"

#define PAGES_FRONT_BYTES (SMI_WIRE_HEADER_BYTES + SMI_WIRE_PAGES_RUNS_BYTES)

int smi_packer_create(struct smi_packer *packer, struct smudge_error *err)
{
	*packer = (struct smi_packer){
		.pages_record =
			malloc(PAGES_FRONT_BYTES + SMI_WIRE_MAX_CONTENT),
		.zero_record =
			malloc(SMI_WIRE_HEADER_BYTES + SMI_WIRE_CAP_ZERO),
		.runs = calloc(SMI_WIRE_MAX_PAGES, sizeof(*packer->runs)),
		.zero_runs = calloc(SMI_WIRE_MAX_ZERO_RUNS,
				    sizeof(*packer->zero_runs)),
	};
	if (packer->pages_record && packer->zero_record && packer->runs &&
	    packer->zero_runs)
		return 0;
	smi_packer_destroy(packer);
	return smudge_error_set(err, -ENOMEM, "migrate",
				"no memory for page records");
}

void smi_packer_destroy(struct smi_packer *packer)
{
	free(packer->pages_record);
	free(packer->zero_record);
	free(packer->runs);
	free(packer->zero_runs);
	*packer = (struct smi_packer){0};
}

/* Add pages to runs: to the last one, or as a new one. */
static void add_pages(struct smudge_run *runs, size_t *nruns, uint64_t page,
		      uint64_t npages)
{
	struct smudge_run *last = *nruns ? &runs[*nruns - 1] : NULL;

	if (last && last->first_page + last->npages == page) {
		last->npages += npages;
		return;
	}
	/* It cannot be NULL. NOLINTNEXTLINE(clang-analyzer-core.*) */
	runs[*nruns] =
		(struct smudge_run){.first_page = page, .npages = npages};
	*nruns += 1;
}

static int flush_pages(struct smi_sender *sender)
{
	struct smi_packer *packer = &sender->packer;
	size_t runs_bytes = smi_wire_runs_bytes(packer->nruns);
	uint64_t content_bytes = packer->npages * SMI_WIRE_PAGE_BYTES;
	uint8_t *record = packer->pages_record + PAGES_FRONT_BYTES -
			  runs_bytes - SMI_WIRE_HEADER_BYTES;
	int ret;

	if (!packer->npages)
		return 0;
	smi_wire_runs_encode(packer->region, packer->runs, packer->nruns,
			     record + SMI_WIRE_HEADER_BYTES);
	ret = smi_sender_send(sender, record, SMI_WIRE_PAGES,
			      runs_bytes + content_bytes);
	if (ret < 0)
		return ret;
	sender->round_totals.pages += packer->npages;
	sender->round_totals.content_bytes += content_bytes;
	sender->totals.pages += packer->npages;
	sender->totals.content_bytes += content_bytes;
	packer->nruns = 0;
	packer->npages = 0;
	return 0;
}

static int flush_zero(struct smi_sender *sender)
{
	struct smi_packer *packer = &sender->packer;
	int ret;

	if (!packer->nzero_runs)
		return 0;
	smi_wire_runs_encode(packer->region, packer->zero_runs,
			     packer->nzero_runs,
			     packer->zero_record + SMI_WIRE_HEADER_BYTES);
	ret = smi_sender_send(sender, packer->zero_record, SMI_WIRE_ZERO,
			      smi_wire_runs_bytes(packer->nzero_runs));
	if (ret < 0)
		return ret;
	sender->round_totals.zero_pages += packer->nzero_pages;
	sender->totals.zero_pages += packer->nzero_pages;
	packer->nzero_runs = 0;
	packer->nzero_pages = 0;
	return 0;
}

static int pack_zeros(struct smi_sender *sender, uint64_t page, uint64_t npages)
{
	struct smi_packer *packer = &sender->packer;

	add_pages(packer->zero_runs, &packer->nzero_runs, page, npages);
	packer->nzero_pages += npages;
	return packer->nzero_runs == SMI_WIRE_MAX_ZERO_RUNS ? flush_zero(sender)
							    : 0;
}

static int pack_page(struct smi_sender *sender,
		     const struct smudge_region *from, uint64_t page)
{
	struct smi_packer *packer = &sender->packer;
	uint8_t *to = packer->pages_record + PAGES_FRONT_BYTES +
		      packer->npages * SMI_WIRE_PAGE_BYTES;
	int ret =
		smudge_region_read_bytes(from, page << SMI_WIRE_PAGE_SHIFT,
					 SMI_WIRE_PAGE_BYTES, to, &sender->err);

	if (ret < 0)
		return ret;
	if (smi_sys_page_is_zero(to, SMI_WIRE_PAGE_BYTES))
		return pack_zeros(sender, page, 1);
	add_pages(packer->runs, &packer->nruns, page, 1);
	packer->npages++;
	return packer->npages == SMI_WIRE_MAX_PAGES ? flush_pages(sender) : 0;
}

/* Pages of the region that were taken: read what is populated. */
static int pack_run(struct smi_sender *sender, struct smudge_region *from,
		    struct smudge_run run)
{
	unsigned int shift = smi_region_wire_shift(from);
	struct smudge_run read;
	uint64_t zeros;
	int ret = 0;

	while (!ret && run.npages) {
		ret = smi_untouched_split(sender, from, run, &read);
		zeros = read.first_page - run.first_page;
		if (!ret && zeros)
			ret = pack_zeros(sender, run.first_page << shift,
					 zeros << shift);
		for (uint64_t i = 0; !ret && i < read.npages << shift; i++)
			ret = pack_page(sender, from,
					(read.first_page << shift) + i);
		run.first_page += zeros + read.npages;
		run.npages -= zeros + read.npages;
	}
	return ret;
}

/* Pack and send all pages of the sender's batch, which are of @region. */
int smi_sender_pack_batch(struct smi_sender *sender, uint32_t region)
{
	struct smudge_region *from = sender->regions.regions[region];
	size_t nruns = smudge_batch_nruns(sender->batch);
	int ret = 0;

	sender->packer.region = region;
	for (size_t i = 0; !ret && i < nruns; i++)
		ret = pack_run(sender, from,
			       smudge_batch_run(sender->batch, i));
	if (!ret)
		ret = flush_pages(sender);
	return ret ? ret : flush_zero(sender);
}
