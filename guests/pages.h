/* SPDX-License-Identifier: MIT */
/*
 * Pages that are written again and again, with a check of every write.
 *
 * Each page of the working set holds three words: at its start the page's
 * number and generation, in its middle the generation alone, at its end a
 * check word over both. A visit compares all three with what the previous visit
 * wrote and writes the next generation, so the next visit of a page detects a
 * write that was lost and a page with old content.
 *
 * One pass by pattern (npages N):
 *   sequential   pages 0..N-1
 *   random       each page once, in an order that differs from pass to pass
 *   alternating  even pages in even passes, odd pages in odd passes
 *   hotset       8 sub-passes: each visits the first N/8 pages and an eighth
 *                of the others
 *
 * Command line: working-set=BYTES (4M), rate=N visits per second (0: no limit),
 * pattern=NAME.
 *
 * Serial output, one line each:
 *   NAME: error page G expected generation X found Y
 *   NAME: error page G generation X has a wrong number or check word
 */
#ifndef GUESTS_PAGES_H
#define GUESTS_PAGES_H

#include "pace.h"
#include "words.h"

enum pages_pattern {
	PAGES_SEQUENTIAL,
	PAGES_RANDOM,
	PAGES_ALTERNATING,
	PAGES_HOTSET,
};

struct pages {
	uint64_t first_page; /* of all that are free */
	uint64_t npages;
	uint64_t rate_pps;
	enum pages_pattern pattern;
	uint64_t errors;
	uint64_t visited; /* in this pass */
	struct guest_pace pace;
};

/* Set the defaults. */
void pages_init(struct pages *pages);

/*
 * True if the word is one of those above. A value that is wrong, or does not
 * fit a machine of @ram_bytes, ends the machine.
 */
bool pages_apply(struct pages *pages, const struct guest_word *word,
		 uint64_t ram_bytes);

/* Write generation 0 to all pages. */
void pages_start(struct pages *pages);

/* Do one pass; they are counted from 1. */
void pages_pass(struct pages *pages, uint64_t pass);

#endif
