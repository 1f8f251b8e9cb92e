/* SPDX-License-Identifier: MIT */
/*
 * Windows that end at ticks.
 */
#include "rate/windows.h"

#include "common/clock.h"

#define TICK_NS (CLOCK_NS_PER_S / RATE_TICKS_PER_S)

const unsigned int rate_window_ticks[RATE_INTERVAL] = {1, 5, 10, 50};

static uint64_t tick_at(const struct rate_windows *windows, int64_t now_ns)
{
	return (uint64_t)(now_ns - windows->start_ns) / (uint64_t)TICK_NS;
}

void rate_windows_start(struct rate_windows *windows, uint64_t interval_ticks,
			int64_t now_ns)
{
	windows->start_ns = now_ns;
	for (int i = 0; i < RATE_NWINDOWS; i++) {
		windows->length_ticks[i] = i == RATE_INTERVAL
						   ? interval_ticks
						   : rate_window_ticks[i];
		windows->due_tick[i] = windows->length_ticks[i];
	}
	rate_windows_begin(windows, now_ns);
}

unsigned int rate_windows_close(struct rate_windows *windows, int64_t now_ns,
				double seconds[RATE_NWINDOWS])
{
	uint64_t tick = tick_at(windows, now_ns);
	unsigned int closing = 0;

	for (int i = 0; i < RATE_NWINDOWS; i++) {
		uint64_t length = windows->length_ticks[i];

		if (tick < windows->due_tick[i])
			continue;
		seconds[i] = (double)(now_ns - windows->began_ns[i]) / 1e9;
		windows->began_ns[i] = now_ns;
		windows->due_tick[i] = (tick / length + 1) * length;
		closing |= 1u << i;
	}
	return closing;
}

void rate_windows_begin(struct rate_windows *windows, int64_t now_ns)
{
	for (int i = 0; i < RATE_NWINDOWS; i++)
		windows->began_ns[i] = now_ns;
}

int64_t rate_windows_next_ns(const struct rate_windows *windows, int64_t now_ns)
{
	return windows->start_ns +
	       (int64_t)(tick_at(windows, now_ns) + 1) * TICK_NS;
}
