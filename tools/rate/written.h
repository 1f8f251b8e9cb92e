/* SPDX-License-Identifier: MIT */
/*
 * What looks tell of a mapping whose pages another program arms again now and
 * then.
 *
 * A look finds the pages that were written since they were armed. A page that
 * the look before did not have was written in between. One that both have was
 * written again only if it was armed in between, and that shows in the pages
 * around it: some of them are clean now that were written (a re-arm). So pages
 * that both looks have count as written again if the re-arm reached from before
 * to behind them; whether it is complete, the caller finds out by looking once
 * more.
 *
 * Nothing counts that was not written in the window: the numbers are lower
 * bounds.
 */
#ifndef TOOLS_RATE_WRITTEN_H
#define TOOLS_RATE_WRITTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "rate/windows.h"

/* All zero is one without pages. A bit is a page. */
struct rate_written {
	uint64_t npages;
	uint64_t known_pages; /* the first ones, of which there was a look */
	uint64_t nwords;
	uint64_t *bits;	  /* owned: those of all below */
	uint64_t *now;	  /* of the last look */
	uint64_t *next;	  /* of the look that is being made */
	uint64_t *again;  /* if the re-arm was complete, written again */
	uint64_t *before; /* written when the interval began */
	uint64_t *seen[RATE_NWINDOWS]; /* written in a window */
};

/*
 * rate_written_resize - have so many pages
 *
 * Pages are added or gone at the end. Return: 0, or -ENOMEM: it is as it was.
 */
int rate_written_resize(struct rate_written *written, uint64_t npages);
void rate_written_free(struct rate_written *written);

/* No look is known: what the next one finds is no news. */
void rate_written_forget(struct rate_written *written);

/* The look finds pages. */
void rate_written_mark(struct rate_written *written, uint64_t first_page,
		       uint64_t npages);

/* All pages of the look are marked. Return: whether there was a re-arm. */
bool rate_written_is_rearmed(const struct rate_written *written);

/* The look ends: what is new is seen in each window. */
void rate_written_end_look(struct rate_written *written);

/* Re-arms that were found are complete: what is written now was seen. */
void rate_written_settle(struct rate_written *written);

/* Nothing is seen in a window; it begins. */
void rate_written_begin(struct rate_written *written, int window);

/* The interval begins. */
void rate_written_begin_interval(struct rate_written *written);

uint64_t rate_written_count(const struct rate_written *written, int window);

/*
 * At most so many pages were written in the interval, but for what was armed
 * again before a look could see it.
 */
uint64_t rate_written_at_most(const struct rate_written *written);

/* Runs of pages that were seen in the interval. */
void rate_written_each(const struct rate_written *written,
		       void (*each)(void *opaque, uint64_t first_page,
				    uint64_t npages),
		       void *opaque);

#endif
