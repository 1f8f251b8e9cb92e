/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the options of a hub's source: a sentence for each cause.
 */
#include "source/hub_check.h"

#include <errno.h>
#include <inttypes.h>

#include <smudge/bitmap.h>

#define WHERE "hub"

#define MIN_PAGE_SHIFT 9
#define MAX_PAGE_SHIFT 40

int smi_hub_check_member(const struct smudge_hub_member_options *o,
			 struct smudge_error *err)
{
	if (!o->npages || o->npages > SMUDGE_BITMAP_MAX_PAGES)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"a source has from 1 to 2^40 pages, not %" PRIu64,
			o->npages);
	if (o->page_shift < MIN_PAGE_SHIFT || o->page_shift > MAX_PAGE_SHIFT)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"page_shift of a source is from %d to %d, not %u",
			MIN_PAGE_SHIFT, MAX_PAGE_SHIFT, o->page_shift);
	if (o->npages > UINT64_MAX >> o->page_shift)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"a source of %" PRIu64
			" pages of 2^%u bytes is larger than 2^64 bytes",
			o->npages, o->page_shift);
	return 0;
}
