/* SPDX-License-Identifier: MIT */
/*
 * First fit.
 */
#include "checkpoint/gaps.h"

#include <errno.h>
#include <stdlib.h>

int smi_gaps_open(const struct smi_layer *layer, struct smi_gaps *ret_gaps)
{
	struct smi_gaps gaps = {.too_long = UINT64_MAX};
	struct smi_span *spans;
	size_t n;
	int ret = smi_spans_of_layer(layer, 0, &spans, &n);

	if (ret < 0)
		return ret;
	/* A gap is before a span: gap i overwrites span i at the latest. */
	for (size_t i = 0; i < n; i++) {
		struct smi_span used = spans[i];

		if (used.first_page > gaps.end_page)
			spans[gaps.ngaps++] = (struct smi_span){
				gaps.end_page, used.first_page - gaps.end_page};
		gaps.end_page = used.first_page + used.npages;
	}
	gaps.gaps = spans;
	*ret_gaps = gaps;
	return 0;
}

void smi_gaps_close(struct smi_gaps *gaps)
{
	free(gaps->gaps);
	*gaps = (struct smi_gaps){0};
}

static uint64_t take_end(struct smi_gaps *gaps, uint64_t npages)
{
	uint64_t first_page = gaps->end_page;

	if (npages > SMI_GAPS_MAX_PAGES ||
	    first_page > SMI_GAPS_MAX_PAGES - npages)
		return UINT64_MAX;
	gaps->end_page += npages;
	return first_page;
}

uint64_t smi_gaps_take(struct smi_gaps *gaps, uint64_t npages)
{
	uint64_t longest = 0;

	if (npages >= gaps->too_long)
		return take_end(gaps, npages);
	for (size_t i = 0; i < gaps->ngaps; i++) {
		struct smi_span *gap = &gaps->gaps[i];

		if (gap->npages >= npages) {
			uint64_t first_page = gap->first_page;

			gap->first_page += npages;
			gap->npages -= npages;
			return first_page;
		}
		if (gap->npages > longest)
			longest = gap->npages;
	}
	gaps->too_long = longest + 1;
	return take_end(gaps, npages);
}
