/* SPDX-License-Identifier: MIT */
/*
 * Pages that were never touched, in round 1.
 *
 * ORDER. A page is taken, and so re-armed, before it is asked whether it holds
 * something. If it is written after that, it is dirty again; if it was written
 * before, it is populated, and is read.
 *
 * They are taken many at a time, since none is read; what a first question
 * finds populated is taken in windows, as in other rounds, and not asked for
 * again: a page that was populated may be read whatever it is now.
 *
 * THE RECEIVER MAY BE SLOWER. A run of zeros is a few bytes for any number of
 * pages, but a receiver may have to read each of them. So a sender that sends
 * them without reading waits longer for it.
 */
#include "migrate/sender_untouched.h"

#include <smudge/populated.h>

#include "common/range.h"

/* Time for the receiver: 1 s for 256 MiB of zeros, 4 KiB at a time. */
#define NS_PER_PAGE (UINT64_C(1000000000) / (UINT64_C(256) << 8))

/* In whole units of 64 pages, in which sources re-arm. */
#define UNIT_PAGES UINT64_C(64)

void smi_untouched_begin(struct smi_sender *sender, bool is_asked)
{
	sender->untouched = (struct smi_untouched){
		.is_asked = is_asked,
		.timeout_ns =
			smi_channel_timeout_ns(smi_sender_channel(sender)),
	};
}

void smi_untouched_held(struct smi_sender *sender)
{
	smi_channel_set_timeout(smi_sender_channel(sender),
				sender->untouched.timeout_ns);
}

static void wait_longer(struct smi_sender *sender, uint64_t npages)
{
	struct smi_untouched *untouched = &sender->untouched;

	untouched->round_pages += npages;
	smi_channel_set_timeout(
		smi_sender_channel(sender),
		range_end(untouched->timeout_ns,
			  untouched->round_pages * NS_PER_PAGE));
}

int smi_untouched_ahead(struct smi_sender *sender, struct smudge_region *region,
			struct smudge_run rest, uint64_t *ret_npages)
{
	uint64_t end = rest.first_page + rest.npages;
	struct smudge_run run;
	int ret;

	*ret_npages = 0;
	if (!sender->untouched.is_asked || !rest.npages ||
	    rest.first_page < sender->untouched.known_end)
		return 0;
	ret = smudge_region_next_populated(region, rest.first_page, end, &run,
					   &sender->err);
	if (ret < 0)
		return ret;
	if (ret == 0)
		run = (struct smudge_run){end, 0};
	if (run.first_page == rest.first_page)
		sender->untouched.known_end = run.first_page + run.npages;
	else if (ret > 0)
		run.first_page &= ~(UNIT_PAGES - 1);
	if (run.first_page > rest.first_page)
		*ret_npages = run.first_page - rest.first_page;
	return 0;
}

int smi_untouched_split(struct smi_sender *sender, struct smudge_region *region,
			struct smudge_run run, struct smudge_run *ret_read)
{
	const struct smi_untouched *untouched = &sender->untouched;
	uint64_t end = run.first_page + run.npages;
	int ret = 1;

	*ret_read = run;
	if (!untouched->is_asked)
		return 0;
	if (run.first_page < untouched->known_end) {
		ret_read->npages = min_u64(run.npages, untouched->known_end -
							       run.first_page);
		return 0;
	}
	ret = smudge_region_next_populated(region, run.first_page, end,
					   ret_read, &sender->err);
	if (ret == 0)
		*ret_read = (struct smudge_run){end, 0};
	if (ret >= 0 && ret_read->first_page > run.first_page)
		wait_longer(sender, (ret_read->first_page - run.first_page)
					    << smi_region_wire_shift(region));
	return ret < 0 ? ret : 0;
}
