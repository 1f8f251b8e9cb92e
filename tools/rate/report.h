/* SPDX-License-Identifier: MIT */
/*
 * What was measured: of an interval, or of all of them.
 */
#ifndef TOOLS_RATE_REPORT_H
#define TOOLS_RATE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "rate/mapping.h"
#include "rate/name.h"
#include "rate/value.h"
#include "rate/windows.h"
#include "rate/writers.h"

#define RATE_PAGE_BYTES	  4096
#define RATE_REASON_BYTES 256

enum rate_method {
	RATE_UFFD,
	RATE_SOFT_DIRTY,
	RATE_SAMPLE,
	RATE_BESIDE,
	RATE_NOT_MEASURED, /* the reason says why */
};

/* Windows of one length that have ended. */
struct rate_window {
	uint64_t n;
	double seconds; /* of all together */
	double pages;	/* of all together */
	double max_pages;
	struct rate_value last; /* also of an earlier interval; if is_known */
	bool is_known;
};

/* What measuring costs the process. Totals since it began. */
struct rate_cost {
	uint64_t stops;
	uint64_t stopped_ns;
	uint64_t longest_stop_ns;
	uint64_t faults; /* first writes to pages that were armed */
	double fault_ns; /* estimate of the time of one */
};

/* Beside another tracker. Totals since it began, but for the last one. */
struct rate_beside {
	uint64_t rearms; /* of the other tracker, that were seen */
	/* before them, at most: what was written then may be missing */
	double unseen_s;
	uint64_t untracked_pages; /* of which it tracks none, now */
};

/* Of one process, or of all together. */
struct rate_measure {
	uint64_t intervals;
	double seconds;		 /* measured, of all intervals together */
	struct rate_value pages; /* unique in an interval, of all together */
	double max_pages_ps;	 /* pages per second, of one interval */
	struct rate_window windows[RATE_INTERVAL];
};

struct rate_process {
	pid_t pid;
	char name[RATE_NAME_BYTES];
	enum rate_method method;
	char reason[RATE_REASON_BYTES]; /* why this method; may be empty */
	bool has_ended;
	uint64_t execs;
	uint64_t samples;	/* pages in the sample, or 0 */
	uint64_t tracked_pages; /* of which pages were written */
	struct rate_measure measure;
	struct rate_mappings mappings;
	struct rate_cost cost;
	struct rate_beside beside;   /* of RATE_BESIDE */
	struct rate_writers writers; /* whose writes are not in it */
};

/* Owned; all zero is an empty one. */
struct rate_report {
	bool is_summary;
	uint64_t number;  /* of the interval, or how many there were */
	double elapsed_s; /* since the start */
	struct rate_process *processes;
	size_t nprocesses;
	struct rate_measure sum; /* of all processes together */
};

/*
 * rate_report_process - the process's entry, made if it is not there
 * Return: valid until the next call, or NULL: no memory.
 */
struct rate_process *rate_report_process(struct rate_report *report, pid_t pid);

/* Windows that ended: a value, and the measured length. */
void rate_window_add(struct rate_window *window, const struct rate_value *value,
		     double seconds);

/* Begin a new interval; what the windows' last values were is kept. */
void rate_measure_begin(struct rate_measure *measure);

/* The interval ended: @pages were written in @seconds. */
void rate_measure_end(struct rate_measure *measure,
		      const struct rate_value *pages, double seconds);

/*
 * rate_report_add - add an interval to the summary
 * Return: 0, or -ENOMEM: mappings are missing in @summary.
 */
int rate_report_add(struct rate_report *summary,
		    const struct rate_report *interval);

void rate_report_free(struct rate_report *report);

/* Per second, of the time that was measured. */
double rate_pages_ps(const struct rate_measure *measure);

const char *rate_method_name(enum rate_method method);
/* What its numbers are: "exact per interval, a page counted once"... */
const char *rate_method_error(enum rate_method method);

#endif
