/* SPDX-License-Identifier: MIT */
/*
 * Speed, dirty rate, and the downtime to expect from them.
 *
 * The bandwidth is that of pages that the receiver holds: the bytes of a round
 * over the time for reading its pages with content, sending, and waiting for
 * the answer. The time for finding zero pages is left out, because most pages
 * of the final round have content. A small round measures the answer, not the
 * line, so it may raise the figure but not lower it.
 *
 * Under a limit this is the bandwidth of the limit. The downtime depends on
 * that of the line, which the burst at the end of a round measures
 * (sender_probe.c) by the same rule.
 */
#include "migrate/stats.h"

#include <string.h>

#include "common/range.h"
#include "sys/clock.h"
#include "wire/format.h"

#define NS_PER_S 1000000000.0
/* A round of fewer bytes does not measure the bandwidth. */
#define TELLING_BYTES (UINT64_C(1) << 20)
/* The same for a burst, which nothing interrupts. */
#define TELLING_BURST_BYTES (UINT64_C(256) << 10)
/* The expected size of the machine's state, until it is known. */
#define STATE_GUESS_BYTES 0x1p16

static struct smudge_memory_stats read_stats(struct smudge_memory *memory)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};

	/* It fails only for a size too small. */
	(void)smudge_memory_stats(memory, &stats);
	return stats;
}

void smi_meter_start(struct smi_meter *meter, struct smudge_memory *memory,
		     uint64_t total_bytes)
{
	memset(meter, 0, sizeof(*meter));
	meter->first = read_stats(memory);
	meter->start_ns = smi_sys_now_ns();
	meter->stats.phase = SMUDGE_MIGRATE_SETUP;
	meter->stats.total_bytes = total_bytes;
	meter->stats.remaining_bytes = total_bytes;
	meter->stats.remaining_pages = total_bytes >> SMI_WIRE_PAGE_SHIFT;
}

void smi_meter_round_begin(struct smi_meter *meter, uint64_t sent_bytes)
{
	meter->round_start_ns = smi_sys_now_ns();
	meter->round_start_bytes = sent_bytes;
	meter->stats.round++;
	meter->stats.round_sent_pages = 0;
	meter->send_ns = 0;
}

/* The time that the pages with content took in a round. */
static uint64_t busy_ns(const struct smi_meter *meter,
			const struct smi_round *round)
{
	uint64_t outside_ns = meter->send_ns + round->answer_ns;
	uint64_t round_ns = meter->stats.round_ns;
	uint64_t pages =
		round->pages + round->zero_pages - round->untouched_pages;
	double reading_ns =
		round_ns > outside_ns ? (double)(round_ns - outside_ns) : 0;

	if (pages)
		reading_ns *= (double)round->pages / (double)pages;
	return outside_ns + (uint64_t)reading_ns + 1;
}

static void note_answer(struct smi_meter *meter, const struct smi_round *round)
{
	if (!meter->answer_ns || round->answer_ns < meter->answer_ns)
		meter->answer_ns = round->answer_ns;
}

/*
 * The forecast counts the round trip separately, so it is left out here. Its
 * measurement may be too long, so at most half of the burst's time is.
 */
void smi_meter_probe_end(struct smi_meter *meter, const struct smi_round *round)
{
	struct smudge_migrate_stats *stats = &meter->stats;
	uint64_t bytes = round->sent_bytes - round->probe_start_bytes;
	uint64_t ns = smi_sys_now_ns() - round->probe_start_ns + 1;
	uint64_t bandwidth;

	ns -= min_u64(meter->round_trip_ns, ns / 2);
	bandwidth = (uint64_t)((double)bytes * NS_PER_S / (double)ns);
	/* One burst may be disturbed: a lower figure counts half. */
	if (bandwidth > stats->line_bandwidth_bytes_ps)
		stats->line_bandwidth_bytes_ps = bandwidth;
	else if (bytes >= TELLING_BURST_BYTES)
		stats->line_bandwidth_bytes_ps =
			(stats->line_bandwidth_bytes_ps + bandwidth) / 2;
	if (stats->line_bandwidth_bytes_ps < stats->bandwidth_bytes_ps)
		stats->line_bandwidth_bytes_ps = stats->bandwidth_bytes_ps;
	note_answer(meter, round);
}

void smi_meter_round_end(struct smi_meter *meter, const struct smi_round *round)
{
	struct smudge_migrate_stats *stats = &meter->stats;
	uint64_t bytes = round->sent_bytes - meter->round_start_bytes;
	uint64_t bandwidth;

	stats->round_ns = smi_sys_now_ns() - meter->round_start_ns + 1;
	bandwidth = (uint64_t)((double)bytes * NS_PER_S /
			       (double)busy_ns(meter, round));
	if (bytes >= TELLING_BYTES || bandwidth > stats->bandwidth_bytes_ps)
		stats->bandwidth_bytes_ps = bandwidth;
	if (!round->is_limited ||
	    stats->line_bandwidth_bytes_ps < stats->bandwidth_bytes_ps)
		stats->line_bandwidth_bytes_ps = stats->bandwidth_bytes_ps;
	if (round->probe_start_ns)
		smi_meter_probe_end(meter, round);
	note_answer(meter, round);
}

uint64_t smi_expected_downtime_ns(const struct smudge_migrate_stats *stats,
				  uint64_t other_ns)
{
	double bytes = (double)stats->remaining_bytes + STATE_GUESS_BYTES;
	double bandwidth = (double)stats->line_bandwidth_bytes_ps;
	double ns = bandwidth > 0 ? bytes * NS_PER_S / bandwidth : 0;

	return u64_from_double(ns + (double)other_ns);
}

void smi_meter_remaining(struct smi_meter *meter, uint64_t pages,
			 bool is_after_round)
{
	struct smudge_migrate_stats *stats = &meter->stats;

	stats->remaining_pages = pages;
	stats->remaining_bytes = pages << SMI_WIRE_PAGE_SHIFT;
	if (!is_after_round)
		return;
	stats->dirty_pages_ps =
		(uint64_t)((double)pages * NS_PER_S / (double)stats->round_ns);
	stats->expected_downtime_ns = smi_expected_downtime_ns(
		stats, meter->answer_ns + meter->harvest_ns);
}

void smi_meter_read_memory(struct smi_meter *meter,
			   struct smudge_memory *memory)
{
	struct smudge_memory_stats now = read_stats(memory);

	meter->stats.harvest_ns = now.harvest_ns - meter->first.harvest_ns +
				  now.look_ns - meter->first.look_ns;
	meter->stats.take_ns = now.take_ns - meter->first.take_ns;
	meter->stats.bitmap_peak_bytes = now.bitmap_peak_bytes;
}
