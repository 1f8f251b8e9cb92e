/* SPDX-License-Identifier: MIT */
/*
 * Which windows end at a tick of a tenth of a second.
 *
 * A window of length W ends each W; the interval of the reports is one more.
 * All begin at the start, and at a moment when all of them end nothing is
 * pending. A tick that comes late ends the windows that were due meanwhile, at
 * its own time; the next ones end where they would have ended. So a window's
 * length is measured and not assumed.
 */
#ifndef TOOLS_RATE_WINDOWS_H
#define TOOLS_RATE_WINDOWS_H

#include <stdint.h>

enum rate_window_index {
	RATE_WINDOW_TENTH, /* 0.1 s */
	RATE_WINDOW_HALF,  /* 0.5 s */
	RATE_WINDOW_ONE,   /* 1 s */
	RATE_WINDOW_FIVE,  /* 5 s */
	RATE_INTERVAL,	   /* of the reports */
	RATE_NWINDOWS,
};

#define RATE_TICKS_PER_S 10
#define RATE_ALL_WINDOWS ((1u << RATE_NWINDOWS) - 1)

/* The working set's windows, those before RATE_INTERVAL, in ticks. */
extern const unsigned int rate_window_ticks[RATE_INTERVAL];

struct rate_windows {
	int64_t start_ns;
	uint64_t length_ticks[RATE_NWINDOWS];
	uint64_t due_tick[RATE_NWINDOWS]; /* counted from the start */
	int64_t began_ns[RATE_NWINDOWS];
};

/* Begin all windows. @interval_ticks is not 0. */
void rate_windows_start(struct rate_windows *windows, uint64_t interval_ticks,
			int64_t now_ns);

/*
 * rate_windows_close - end the windows that are due
 * @now_ns: not before the start
 * @seconds: of each window that ends, its measured length
 *
 * Return: a bit for each window that ends; the next one has begun.
 */
unsigned int rate_windows_close(struct rate_windows *windows, int64_t now_ns,
				double seconds[RATE_NWINDOWS]);

/* All of them begin now instead; when they end stays. */
void rate_windows_begin(struct rate_windows *windows, int64_t now_ns);

/* When the next tick is. */
int64_t rate_windows_next_ns(const struct rate_windows *windows,
			     int64_t now_ns);

#endif
