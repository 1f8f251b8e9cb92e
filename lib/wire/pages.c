/* SPDX-License-Identifier: MIT */
/*
 * Runs of pages, to and from bytes.
 *
 * A decoder checks every run before it returns 0, so a record with one bad run
 * is refused before any of its pages is written.
 */
#include "wire/pages.h"

#include <errno.h>
#include <inttypes.h>

#include "common/byte_cursor.h"
#include "wire/bytes.h"

void smi_wire_runs_encode(uint32_t region, const struct smudge_run *runs,
			  size_t nruns, uint8_t *payload)
{
	smi_wire_put_u32(payload, region);
	smi_wire_put_u32(payload + 4, (uint32_t)nruns);
	payload += SMI_WIRE_RUNS_HEAD;
	for (size_t i = 0; i < nruns; i++) {
		smi_wire_put_u64(payload, runs[i].first_page);
		smi_wire_put_u64(payload + 8, runs[i].npages);
		payload += SMI_WIRE_RUN_BYTES;
	}
}

struct smudge_run smi_wire_run(const struct smi_wire_pages *pages, size_t index)
{
	const uint8_t *bytes = pages->runs + index * SMI_WIRE_RUN_BYTES;

	return (struct smudge_run){
		.first_page = smi_wire_get_u64(bytes),
		.npages = smi_wire_get_u64(bytes + 8),
	};
}

static int bad_run(const struct smi_wire_region *region, uint32_t id,
		   struct smudge_run run, const char *what,
		   struct smudge_error *err)
{
	int ret = smudge_error_set(
		err, -EBADMSG, "wire",
		"a run of %" PRIu64 " pages from page %" PRIu64
		" %s (region %" PRIu32 " has %" PRIu64 " pages)",
		run.npages, run.first_page, what, id,
		smi_wire_region_npages(region));

	smudge_error_at(err, id,
			run.first_page >>
				(region->page_shift - SMI_WIRE_PAGE_SHIFT));
	return ret;
}

static int check_runs(const struct smi_wire_region *region,
		      struct smi_wire_pages *pages, struct smudge_error *err)
{
	uint64_t limit = smi_wire_region_npages(region);
	uint64_t end = 0;

	for (uint32_t i = 0; i < pages->nruns; i++) {
		struct smudge_run run = smi_wire_run(pages, i);

		if (!run.npages)
			return bad_run(region, pages->region, run, "is empty",
				       err);
		if (run.first_page >= limit ||
		    run.npages > limit - run.first_page)
			return bad_run(region, pages->region, run,
				       "lies outside its region", err);
		if (run.first_page < end)
			return bad_run(region, pages->region, run,
				       "begins before the previous one ends",
				       err);
		end = run.first_page + run.npages;
		pages->npages += run.npages;
	}
	return 0;
}

static int decode_runs(const struct smi_wire_region *regions, size_t nregions,
		       struct byte_cursor *cursor, uint32_t max_runs,
		       struct smi_wire_pages *pages, struct smudge_error *err)
{
	pages->region = byte_cursor_read_u32(cursor);
	pages->nruns = byte_cursor_read_u32(cursor);
	if (cursor->failed)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a page record is too short for its "
					"region and number of runs");
	if (pages->region >= nregions)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a page record names region %" PRIu32
					", the last one is %zu",
					pages->region, nregions - 1);
	if (!pages->nruns || pages->nruns > max_runs)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a page record claims %" PRIu32
					" runs, not 1 to %" PRIu32,
					pages->nruns, max_runs);
	pages->runs = byte_cursor_read(cursor, (size_t)pages->nruns *
						       SMI_WIRE_RUN_BYTES);
	if (!pages->runs)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a page record is too short for its "
					"%" PRIu32 " runs",
					pages->nruns);
	return check_runs(&regions[pages->region], pages, err);
}

int smi_wire_pages_decode(const struct smi_wire_region *regions,
			  size_t nregions, const uint8_t *payload,
			  size_t length, struct smi_wire_pages *ret_pages,
			  struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	struct smi_wire_pages pages = {0};
	int ret = decode_runs(regions, nregions, &cursor, SMI_WIRE_MAX_PAGES,
			      &pages, err);

	if (ret < 0)
		return ret;
	if (pages.npages > SMI_WIRE_MAX_PAGES)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a PAGES record has runs of %" PRIu64
					" pages, and %u are allowed",
					pages.npages, SMI_WIRE_MAX_PAGES);
	if (cursor.left_bytes != pages.npages * SMI_WIRE_PAGE_BYTES)
		return smudge_error_set(err, -EBADMSG, "wire",
					"a PAGES record has runs of %" PRIu64
					" pages, but %zu bytes of content",
					pages.npages, cursor.left_bytes);
	pages.content = cursor.at;
	*ret_pages = pages;
	return 0;
}

int smi_wire_zero_decode(const struct smi_wire_region *regions, size_t nregions,
			 const uint8_t *payload, size_t length,
			 struct smi_wire_pages *ret_pages,
			 struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	struct smi_wire_pages pages = {0};
	int ret = decode_runs(regions, nregions, &cursor,
			      SMI_WIRE_MAX_ZERO_RUNS, &pages, err);

	if (ret < 0)
		return ret;
	if (!byte_cursor_is_done(&cursor))
		return smudge_error_set(err, -EBADMSG, "wire",
					"a ZERO record has %zu bytes too many",
					cursor.left_bytes);
	*ret_pages = pages;
	return 0;
}
