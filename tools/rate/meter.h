/* SPDX-License-Identifier: MIT */
/*
 * What finds the written pages of one process: a method.
 */
#ifndef TOOLS_RATE_METER_H
#define TOOLS_RATE_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "rate/heat.h"
#include "rate/maps.h"
#include "rate/report.h"

struct smudge_error;

/* What is asked of a meter at a tick, and its answer. */
struct rate_tick {
	unsigned int closing;	/* windows that end */
	struct rate_heat *heat; /* receives the interval's pages, or NULL */
	/* what was written in each window that ends */
	struct rate_value values[RATE_NWINDOWS];
	unsigned int unknown; /* of those, windows that have no answer */
	/* measured length of windows that began at another moment, or 0 */
	double seconds[RATE_NWINDOWS];
	/* when the interval ends: receives mappings, cost and totals */
	struct rate_process *process;
	bool has_restarted; /* all windows begin after this tick */
};

struct rate_meter_ops {
	/*
	 * A tick. Return: 0, -ESRCH (the process has ended) or another -errno
	 * with one sentence.
	 */
	int (*tick)(void *meter, struct rate_tick *tick,
		    struct smudge_error *err);
	/* Let the process go; frees the meter. */
	void (*close)(void *meter);
	/*
	 * Look between ticks, or NULL: there is no need. Return: when to look
	 * again.
	 */
	int64_t (*peek)(void *meter, int64_t now_ns);
};

struct rate_meter {
	const struct rate_meter_ops *ops;
	void *state;
	enum rate_method method;
};

/* By writes that are detected: smudge/process.h. @method: -1: any of them. */
int rate_tracker_open(pid_t pid, int method, const struct rate_select *select,
		      struct rate_meter *ret_meter, struct smudge_error *err);

/*
 * By looking at what another program tracks.
 * Return: 0, -ENODATA (none does) or another -errno with one sentence.
 */
int rate_beside_open(pid_t pid, const struct rate_select *select,
		     struct rate_meter *ret_meter, struct smudge_error *err);

/*
 * By comparing pages of a sample.
 * @nsamples: how many pages are in it
 */
int rate_sampler_open(pid_t pid, uint64_t nsamples,
		      const struct rate_select *select,
		      struct rate_meter *ret_meter, struct smudge_error *err);

#endif
