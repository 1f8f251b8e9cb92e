/* SPDX-License-Identifier: MIT */
/*
 * Written pages, detected from outside (smudge/process.h).
 *
 * Each window is a client of one memory: each harvest serves all of them.
 *
 * What the process maps anew is all dirty, and most of it was never touched. So
 * of such pages only those count that are present (fresh.h).
 */
#include "rate/meter.h"

#include <smudge/smudge.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/range.h"
#include "rate/fault_cost.h"
#include "rate/fresh.h"
#include "rate/resident.h"
#include "rate/writers.h"

#define MAX_RUNS	  (1u << 16)
#define REGION_NAME_BYTES 63 /* what the library keeps of a name */

/* A look at all processes: not again so soon, nor for so much of the time. */
#define LOOK_AGAIN_NS	(2 * CLOCK_NS_PER_S)
#define LOOK_COST_SHARE 100

struct tracker {
	pid_t pid;
	struct smudge_memory *memory;
	struct smudge_process *process;
	struct smudge_client *clients[RATE_NWINDOWS];
	struct smudge_batch *batch;
	struct rate_fresh *fresh;
	uint64_t faults;
	double fault_ns;
	enum rate_method method;
	struct rate_writers writers;
	int64_t next_look_ns;
};

/* The regions of the memory, sorted by address. */
struct regions {
	struct smudge_region *list[SMUDGE_MAX_REGIONS];
	size_t n;
};

static int open_clients(struct tracker *t, struct smudge_error *err)
{
	static const char *const names[RATE_NWINDOWS] = {
		"0.1 s", "0.5 s", "1 s", "5 s", "interval"};
	int ret = smudge_batch_create(MAX_RUNS, &t->batch, err);

	for (int w = 0; w < RATE_NWINDOWS && !ret; w++) {
		const struct smudge_client_options options = {
			.size = sizeof(options), .name = names[w]};

		ret = smudge_client_open(t->memory, &options, &t->clients[w],
					 err);
	}
	return ret;
}

static int open_process(struct tracker *t, int method,
			const struct rate_select *select,
			struct smudge_error *err)
{
	struct smudge_process_options options = {
		.size = sizeof(options),
		.method = method == RATE_UFFD ? SMUDGE_PROCESS_UFFD
			  : method == RATE_SOFT_DIRTY
				  ? SMUDGE_PROCESS_SOFT_DIRTY
				  : SMUDGE_PROCESS_AUTO,
		.pattern = select->pattern,
		.first_address = select->first_address,
		.end_address = select->end_address,
	};
	int ret = smudge_memory_create(&t->memory);

	if (select->end_address)
		options.select = SMUDGE_PROCESS_RANGE;
	else if (select->is_guest_ram)
		options.select = SMUDGE_PROCESS_GUEST_RAM;
	else if (select->pattern)
		options.select = SMUDGE_PROCESS_NAMED;
	if (ret)
		return smudge_error_set(err, ret, "rate", "out of memory");
	return smudge_process_open(t->memory, t->pid, &options, &t->process,
				   err);
}

static int list_regions(struct tracker *t, struct regions **ret_regions)
{
	struct regions *regions = malloc(sizeof(*regions));

	if (!regions)
		return -ENOMEM;
	regions->n = smudge_memory_regions(t->memory, regions->list,
					   SMUDGE_MAX_REGIONS);
	*ret_regions = regions;
	return 0;
}

/* Everything that clients have is dropped. */
static int skip_all(struct smudge_client *client, const struct regions *regions,
		    struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < regions->n && !ret; i++) {
		struct smudge_region *region = regions->list[i];
		uint64_t npages = smudge_region_npages(region);

		if (smudge_client_any(client, region, 0, npages))
			ret = smudge_client_skip(client, region, 0, npages,
						 err);
	}
	return ret;
}

static int begin(struct tracker *t, struct smudge_error *err)
{
	struct regions *regions = NULL;
	int ret = list_regions(t, &regions);

	if (ret)
		return smudge_error_set(err, ret, "rate", "out of memory");
	if (rate_fresh_know(t->fresh, regions->list, regions->n))
		ret = smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	for (int w = 0; w < RATE_NWINDOWS && !ret; w++)
		ret = skip_all(t->clients[w], regions, err);
	free(regions);
	return ret;
}

/* What was written, of a region's pages that a take has. */
static void count_batch(struct tracker *t, const struct smudge_region *region,
			struct rate_tick *tick, double *pages)
{
	uint64_t gpa = smudge_region_gpa(region);
	unsigned int shift = smudge_region_page_shift(region);
	size_t nruns = smudge_batch_nruns(t->batch);

	for (size_t i = 0; i < nruns; i++) {
		struct smudge_run run = smudge_batch_run(t->batch, i);
		uint64_t npages = (run.npages << shift) / RATE_PAGE_BYTES;

		*pages += (double)npages;
		if (tick->heat)
			rate_heat_add(tick->heat,
				      gpa + (run.first_page << shift), npages,
				      1);
	}
}

static int take_region(struct tracker *t, struct smudge_region *region,
		       struct rate_tick *tick, double *pages,
		       struct smudge_error *err)
{
	struct smudge_client *client = t->clients[RATE_INTERVAL];
	struct smudge_run rest = {0, smudge_region_npages(region)};
	int ret;

	while ((ret = smudge_client_take_next(client, region, &rest, UINT64_MAX,
					      t->batch, err)) > 0) {
		count_batch(t, region, tick, pages);
		smudge_client_commit(client, t->batch);
	}
	return ret;
}

/*
 * The library's names of regions begin with the address. They are too short for
 * most paths, and have '?' for letters that are not ASCII.
 * Return: whether the name may differ from the mapping's.
 */
static bool set_name(struct rate_mapping *mapping,
		     const struct smudge_region *region)
{
	const char *name = smudge_region_name(region);
	const char *behind = strchr(name, ' ');

	rate_maps_name(mapping->name, behind ? behind + 1 : "");
	return strlen(name) >= REGION_NAME_BYTES || strchr(name, '?');
}

static void look_at_writers(struct tracker *t)
{
	int64_t began_ns = clock_now_ns();
	int64_t ended_ns;

	if (began_ns < t->next_look_ns)
		return;
	rate_writers_look(&t->writers, t->process);
	ended_ns = clock_now_ns();
	t->next_look_ns = ended_ns + LOOK_AGAIN_NS +
			  LOOK_COST_SHARE * (ended_ns - began_ns);
}

static int end_interval(struct tracker *t, const struct regions *regions,
			struct rate_tick *tick, struct smudge_error *err)
{
	bool are_cut = false;
	double all = 0;
	int ret = 0;

	for (size_t i = 0; i < regions->n && !ret; i++) {
		struct smudge_region *region = regions->list[i];
		struct rate_mapping mapping = {
			.address = smudge_region_gpa(region),
			.size_bytes = smudge_region_npages(region)
				      << smudge_region_page_shift(region),
		};

		are_cut |= set_name(&mapping, region);
		ret = take_region(t, region, tick, &mapping.pages, err);
		if (!ret &&
		    rate_mappings_add(&tick->process->mappings, &mapping))
			ret = smudge_error_set(err, -ENOMEM, "rate",
					       "out of memory");
		all += mapping.pages;
		tick->process->tracked_pages +=
			mapping.size_bytes / RATE_PAGE_BYTES;
	}
	if (are_cut)
		rate_maps_rename(t->pid, &tick->process->mappings);
	tick->values[RATE_INTERVAL] = rate_value_exact(all);
	return ret;
}

static uint64_t count(struct smudge_client *client,
		      const struct regions *regions)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < regions->n; i++)
		bytes += smudge_client_count(
				 client, regions->list[i], 0,
				 smudge_region_npages(regions->list[i]))
			 << smudge_region_page_shift(regions->list[i]);
	return bytes / RATE_PAGE_BYTES;
}

static void read_cost(struct tracker *t, struct rate_process *process)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};

	if (smudge_process_stats(t->process, &stats))
		return;
	process->cost = (struct rate_cost){
		.stops = stats.stops,
		.stopped_ns = stats.stopped_ns,
		.longest_stop_ns = stats.longest_stop_ns,
		.faults = t->faults,
		.fault_ns = t->fault_ns,
	};
	process->execs = stats.execs;
}

/* Each harvest ends the shortest window, whose pages each cost a fault. */
static int close_windows(struct tracker *t, const struct regions *regions,
			 struct rate_tick *tick, struct smudge_error *err)
{
	uint64_t fresh_pages = rate_fresh_counted(t->fresh);
	int ret = 0;

	for (int w = 0; w < RATE_INTERVAL && !ret; w++) {
		uint64_t pages;

		if (!(tick->closing & 1u << w))
			continue;
		pages = count(t->clients[w], regions);
		tick->values[w] = rate_value_exact((double)pages);
		ret = skip_all(t->clients[w], regions, err);
		if (w == RATE_WINDOW_TENTH)
			t->faults += pages - min_u64(pages, fresh_pages);
	}
	if (ret || !(tick->closing & 1u << RATE_INTERVAL))
		return ret;
	ret = end_interval(t, regions, tick, err);
	read_cost(t, tick->process);
	look_at_writers(t);
	tick->process->writers = t->writers;
	return ret;
}

static int tracker_tick(void *meter, struct rate_tick *tick,
			struct smudge_error *err)
{
	struct tracker *t = meter;
	struct regions *regions = NULL;
	int ret = smudge_process_harvest(t->process, err);

	if (ret)
		return ret;
	if (list_regions(t, &regions))
		return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	ret = rate_fresh_trim(t->fresh, t->process, t->clients, regions->list,
			      regions->n, err);
	if (!ret)
		ret = close_windows(t, regions, tick, err);
	free(regions);
	return ret;
}

static void tracker_close(void *meter)
{
	struct tracker *t = meter;

	for (int w = 0; w < RATE_NWINDOWS; w++) {
		if (t->clients[w])
			(void)smudge_client_close(t->clients[w]);
	}
	(void)smudge_process_close(t->process, NULL);
	(void)smudge_memory_destroy(t->memory, NULL);
	(void)smudge_batch_destroy(t->batch);
	rate_fresh_destroy(t->fresh);
	free(t);
}

static const struct rate_meter_ops ops = {tracker_tick, tracker_close, NULL};

static void read_method(struct tracker *t)
{
	struct smudge_process_stats stats = {.size = sizeof(stats)};

	t->method = RATE_UFFD;
	if (smudge_process_stats(t->process, &stats) == 0 &&
	    stats.method == SMUDGE_PROCESS_SOFT_DIRTY)
		t->method = RATE_SOFT_DIRTY;
	t->fault_ns = rate_fault_cost_ns(t->method);
}

int rate_tracker_open(pid_t pid, int method, const struct rate_select *select,
		      struct rate_meter *ret_meter, struct smudge_error *err)
{
	struct tracker *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return smudge_error_set(err, -ENOMEM, "rate", "out of memory");
	t->pid = pid;
	t->fresh = rate_fresh_create(pid, err);
	ret = t->fresh ? open_process(t, method, select, err) : err->code;
	if (!ret)
		ret = open_clients(t, err);
	if (!ret)
		ret = begin(t, err);
	if (ret) {
		tracker_close(t);
		return ret;
	}
	read_method(t);
	look_at_writers(t);
	*ret_meter = (struct rate_meter){&ops, t, t->method};
	return 0;
}
