/* SPDX-License-Identifier: MIT */
/*
 * A round: harvest, ROUND_BEGIN, the dirty pages, ROUND_END, the answer.
 *
 * Pages are taken one window at a time, shortly before they are read: a page
 * that is written between its take and its reading is sent again without need.
 * A batch is committed when the transport has accepted all of its records.
 */
#include "migrate/sender_rounds.h"

#include <errno.h>

#include "common/range.h"
#include "migrate/handle.h"
#include "migrate/sender_pages.h"
#include "migrate/sender_peer.h"
#include "migrate/sender_untouched.h"
#include "sys/clock.h"

/* Fewer pages would split the units of 64 pages in which sources re-arm. */
#define MIN_WINDOW_PAGES UINT64_C(64)
#define PROGRESS_NS	 UINT64_C(100000000)

/* Publish the statistics and call the caller's callback. */
void smi_sender_progress(struct smi_sender *sender)
{
	struct smudge_migrate_stats *stats = &sender->meter.stats;

	smi_meter_read_memory(&sender->meter, sender->memory);
	sender->meter.last_progress_ns = smi_sys_now_ns();
	stats->elapsed_ns =
		sender->meter.last_progress_ns - sender->meter.start_ns;
	stats->sent_bytes = smi_channel_sent_bytes(smi_sender_channel(sender));
	stats->sent_pages = sender->totals.pages;
	stats->zero_pages = sender->totals.zero_pages;
	stats->round_sent_pages = sender->round_totals.pages;
	stats->size = sizeof(*stats);
	smi_migration_publish(sender->migration, stats);
	if (sender->options.progress)
		sender->options.progress(stats, sender->options.opaque);
}

/*
 * Harvest, and count the dirty pages in wire pages. A machine that machine_stop
 * has stopped has no I/O in flight, so pages may be re-armed whatever the
 * re-arm policy of other clients is. If they were not, the final round would
 * find them dirty again and again.
 */
int smi_sender_harvest(struct smi_sender *sender, uint64_t *ret_pages)
{
	uint64_t start_ns = smi_sys_now_ns();
	uint64_t pages = 0;
	int ret;

	if (sender->is_stopped)
		ret = smudge_memory_harvest_quiesced(sender->memory,
						     &sender->err);
	else
		ret = smudge_memory_harvest(sender->memory, &sender->err);
	if (ret < 0)
		return ret;
	sender->meter.harvest_ns = smi_sys_now_ns() - start_ns;
	for (size_t i = 0; i < sender->regions.nregions; i++) {
		struct smudge_region *region = sender->regions.regions[i];

		pages += smudge_client_count(sender->client, region, 0,
					     smudge_region_npages(region))
			 << smi_region_wire_shift(region);
	}
	*ret_pages = pages;
	return 0;
}

static int too_many_rounds(struct smi_sender *sender)
{
	sender->abort_code = SMI_WIRE_ABORT_LIMIT;
	return smudge_error_set(&sender->err, -EOVERFLOW, "migrate",
				"the policy wants more rounds than the %u that "
				"a stream can have",
				SMI_WIRE_MAX_ROUNDS);
}

int smi_sender_round_begin(struct smi_sender *sender, bool final,
			   uint64_t expected_pages)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_ROUND_BEGIN_BYTES];
	struct smi_wire_round_begin begin = {
		.final = final,
		.expected_pages = expected_pages,
	};

	smi_meter_round_begin(
		&sender->meter,
		smi_channel_sent_bytes(smi_sender_channel(sender)));
	begin.round = sender->meter.stats.round;
	if (begin.round > SMI_WIRE_MAX_ROUNDS - !final)
		return too_many_rounds(sender);
	sender->round_totals = (struct smi_wire_totals){0};
	smi_untouched_begin(sender, begin.round == 1);
	smi_sender_progress(sender);
	smi_wire_round_begin_encode(&begin, record + SMI_WIRE_HEADER_BYTES);
	return smi_sender_send(sender, record, SMI_WIRE_ROUND_BEGIN,
			       SMI_WIRE_ROUND_BEGIN_BYTES);
}

int smi_sender_round_end(struct smi_sender *sender)
{
	uint8_t record[SMI_WIRE_HEADER_BYTES + SMI_WIRE_ROUND_END_BYTES];
	struct smi_wire_round_end end = {
		.round = sender->meter.stats.round,
		.totals = sender->round_totals,
	};

	smi_wire_round_end_encode(&end, record + SMI_WIRE_HEADER_BYTES);
	return smi_sender_send(sender, record, SMI_WIRE_ROUND_END,
			       SMI_WIRE_ROUND_END_BYTES);
}

/*
 * Take a window of the dirty pages in @rest, send it, commit it. After a
 * failure the batch keeps it.
 * Return: 1, 0 if no page is dirty there, or a failure.
 */
static int send_window(struct smi_sender *sender, uint32_t index,
		       struct smudge_run *rest, uint64_t max_pages)
{
	struct smudge_region *region = sender->regions.regions[index];
	uint64_t done;
	int ret =
		smudge_client_take_next(sender->client, region, rest, max_pages,
					sender->batch, &sender->err);

	if (ret <= 0)
		return ret;
	ret = smi_sender_pack_batch(sender, index);
	if (ret < 0)
		return ret;
	done = smudge_batch_npages(sender->batch)
	       << smi_region_wire_shift(region);
	smudge_client_commit(sender->client, sender->batch);
	done = min_u64(done, sender->meter.stats.remaining_pages);
	smi_meter_remaining(&sender->meter,
			    sender->meter.stats.remaining_pages - done, false);
	if (smi_sys_now_ns() - sender->meter.last_progress_ns >= PROGRESS_NS)
		smi_sender_progress(sender);
	return 1;
}

/* Send the dirty pages in [first_page, end_page) of a region. */
int smi_sender_send_range(struct smi_sender *sender, uint32_t index,
			  uint64_t first_page, uint64_t end_page)
{
	struct smudge_region *region = sender->regions.regions[index];
	uint64_t window =
		max_u64(SMI_TAKE_BYTES >> smudge_region_page_shift(region),
			MIN_WINDOW_PAGES);
	struct smudge_run rest = {first_page, end_page - first_page};
	int ret;

	sender->untouched.known_end = 0;
	do {
		uint64_t untouched;

		ret = smi_untouched_ahead(sender, region, rest, &untouched);
		if (!ret)
			ret = send_window(sender, index, &rest,
					  max_u64(window, untouched));
	} while (ret > 0);
	return ret;
}

static int send_region(struct smi_sender *sender, uint32_t index)
{
	const struct smi_probe *probe = &sender->probe;
	uint64_t npages = smudge_region_npages(sender->regions.regions[index]);
	int ret;

	if (!probe->is_chosen || probe->region != index)
		return smi_sender_send_range(sender, index, 0, npages);
	ret = smi_sender_send_range(sender, index, 0, probe->first_page);
	if (ret < 0)
		return ret;
	return smi_sender_send_range(sender, index, probe->end_page, npages);
}

/* Send each dirty page once, except those kept for the burst. */
int smi_sender_send_dirty(struct smi_sender *sender)
{
	for (uint32_t i = 0; i < sender->regions.nregions; i++) {
		int ret = send_region(sender, i);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int smi_sender_round_finish(struct smi_sender *sender, struct smi_round *round)
{
	uint64_t asked_ns;
	int ret = smi_sender_round_end(sender);

	if (ret < 0)
		return ret;
	asked_ns = smi_sys_now_ns();
	ret = smi_sender_wait(sender, SMI_WIRE_ROUND_ACK);
	if (ret < 0)
		return ret;
	smi_untouched_held(sender);
	round->answer_ns = smi_sys_now_ns() - asked_ns;
	round->sent_bytes = smi_channel_sent_bytes(smi_sender_channel(sender));
	round->pages = sender->round_totals.pages;
	round->zero_pages = sender->round_totals.zero_pages;
	round->untouched_pages = sender->untouched.round_pages;
	return 0;
}
