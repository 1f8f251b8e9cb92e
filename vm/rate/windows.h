/* SPDX-License-Identifier: MIT */
/*
 * Windows of a measurement: a client of the memory for each.
 */
#ifndef VM_RATE_WINDOWS_H
#define VM_RATE_WINDOWS_H

#include "rate/rate.h"

struct smudge_client;
struct smudge_memory;

struct windows {
	struct machine *machine; /* borrowed */
	size_t n;
	struct window {
		struct rate_window so_far;
		struct smudge_client *client;
		int64_t began_ns; /* when its pages were armed */
		int64_t due_ns;	  /* when it is to end */
	} all[RATE_MAX_WINDOWS];
	uint64_t cost_ns;
};

/*
 * windows_open - open the clients, and begin all windows
 * @windows: machine, n and asked_ms are set by the caller
 *
 * Blocks: for the start of the sources.
 * Return: 0, or -errno with one sentence; then nothing is left open.
 */
int windows_open(struct windows *windows, struct smudge_error *err);
void windows_close(struct windows *windows);

/* Until then none of the windows is over. */
int64_t windows_next_ns(const struct windows *windows);

/*
 * windows_turn - harvest, count the windows that are over, and begin new ones;
 *      nothing if none is over
 *
 * Return: 0, or a source's -errno with one sentence.
 */
int windows_turn(struct windows *windows, struct smudge_error *err);

/* The number of all pages, and an estimate of those that are not all zeros. */
void windows_content(const struct windows *windows, uint64_t *ret_total_pages,
		     uint64_t *ret_content_pages);

#endif
