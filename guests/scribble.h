/* SPDX-License-Identifier: MIT */
/*
 * scribble: a guest that keeps writing its memory and checks every write.
 *
 * Each page of the working set holds three words: at its start the page's
 * number and generation, in its middle the generation alone, at its end a
 * check word over both. A visit compares all three with what the previous
 * visit wrote and writes the next generation, so a write that got lost, or a
 * page that came back old, is found at the next visit of that page.
 *
 * One pass by pattern (npages N):
 *   sequential   pages 0..N-1
 *   random       each page once, in an order that differs from pass to pass
 *   alternating  even pages in even passes, odd pages in odd passes
 *   hotset       8 sub-passes: each visits the first N/8 pages and an eighth
 *                of the others
 *
 * Serial output, one line each (errors is the total so far):
 *   scribble: ready pages N
 *   scribble: pass P pages VISITED errors E
 *   scribble: error page G expected generation X found Y
 *   scribble: error page G generation X has a wrong number or check word
 *   scribble: done passes P errors E
 */
#ifndef GUESTS_SCRIBBLE_H
#define GUESTS_SCRIBBLE_H

#include "machine.h"

enum scribble_pattern {
	SCRIBBLE_SEQUENTIAL,
	SCRIBBLE_RANDOM,
	SCRIBBLE_ALTERNATING,
	SCRIBBLE_HOTSET,
};

/* Values for the debug-exit port; smudge-vm exits with 33 and 35. */
enum scribble_exit {
	SCRIBBLE_EXIT_OK = 0x10,
	SCRIBBLE_EXIT_ERRORS = 0x11,
};

struct scribble_config {
	uint64_t npages;   /* working-set=, rounded down to pages */
	uint64_t rate_pps; /* rate=: visits per second, 0 = no limit */
	uint64_t passes;   /* passes=: 0 = for ever */
	enum scribble_pattern pattern;
};

/* The pages free for the working set in a machine of @ram_bytes. */
uint64_t scribble_pages_free(uint64_t ram_bytes);

/* Fills @ret, or says on serial what is wrong and ends the machine. */
void scribble_configure(const char *cmdline, uint64_t ram_bytes,
			struct scribble_config *ret);

#endif
