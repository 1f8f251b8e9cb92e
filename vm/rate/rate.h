/* SPDX-License-Identifier: MIT */
/*
 * How fast the guest dirties its memory: how many different pages it writes
 * within windows of several lengths.
 *
 * There is one measurement at a time, on a thread of its own. It has a client
 * of the machine's memory for each window, so nothing else that tracks the
 * memory (a migration, viewers) is disturbed, or disturbs it. A window that is
 * shorter than the measurement is measured again and again, one after the
 * other.
 *
 * Threads: any, unless said otherwise.
 */
#ifndef VM_RATE_RATE_H
#define VM_RATE_RATE_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

struct machine;
struct rate;

#define RATE_MAX_WINDOWS 17

enum rate_status {
	RATE_UNSTARTED, /* also after one that failed */
	RATE_MEASURING,
	RATE_MEASURED,
};

/* QMP's names: "unstarted" and so on. */
const char *rate_status_name(enum rate_status status);

/* @machine is borrowed, and outlives the rate. */
int rate_create(struct machine *machine, struct rate **ret,
		struct smudge_error *err);

/*
 * rate_destroy - end a measurement, and free. NULL is fine.
 *
 * Blocks: until its thread has ended, which is a harvest at most.
 */
void rate_destroy(struct rate *rate);

/*
 * rate_start - begin to measure
 * @windows_ms: the longest comes first and is the length of the measurement;
 *      copied
 * @nwindows: 1 to RATE_MAX_WINDOWS
 *
 * Returns at once. One thread at a time calls it.
 * Return: 0, -EBUSY (one is running, or the guest has not arrived yet) or
 * -ENOMEM, with one sentence.
 */
int rate_start(struct rate *rate, const uint64_t *windows_ms, size_t nwindows,
	       struct smudge_error *err);

struct rate_window {
	uint64_t asked_ms;
	uint64_t nmeasured; /* windows that are over */
	uint64_t ns;	    /* of all of them together */
	uint64_t pages;	    /* likewise; different pages in each */
};

/* Of the last measurement; of one that is running, what it has so far. */
struct rate_report {
	enum rate_status status;
	int64_t start_s; /* since 1970 */
	size_t nwindows;
	struct rate_window windows[RATE_MAX_WINDOWS];
	uint64_t total_pages;
	uint64_t content_pages;	   /* not all zeros; estimated by samples */
	uint64_t cost_ns;	   /* for harvests, counting and re-arming */
	struct smudge_error error; /* why it failed */
};

void rate_report(struct rate *rate, struct rate_report *ret);

#endif
