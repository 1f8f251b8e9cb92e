/* SPDX-License-Identifier: MIT */
/*
 * scribble: a guest that keeps writing its memory and checks every write.
 * pages.h describes the writes and the errors that it reports.
 *
 * Command line: that of pages.h, and passes=N (0: for ever).
 *
 * Serial output, one line each (errors is the total so far):
 *   scribble: ready pages N
 *   scribble: pass P pages VISITED errors E
 *   scribble: done passes P errors E
 */
#include "pages.h"

const char guest_name[] = "scribble";

/* The number of passes; 0: for ever. */
static uint64_t configure(const char *cmdline, uint64_t ram_bytes,
			  struct pages *pages)
{
	struct guest_word word;
	uint64_t passes = 0;

	pages_init(pages);
	while (guest_next_word(&cmdline, &word)) {
		if (guest_is(word.key, word.key_len, "passes"))
			passes = guest_number(&word, false);
		else if (!pages_apply(pages, &word, ram_bytes))
			guest_refuse("unknown parameter", word.key,
				     word.key_len);
	}
	return passes;
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct pages pages;
	uint64_t passes = configure(cmdline, ram_bytes, &pages);
	uint64_t pass = 0;

	pages_start(&pages);
	guest_tell((struct guest_count[]){{"ready pages", pages.npages}, {0}});
	do {
		pages_pass(&pages, ++pass);
		guest_tell((struct guest_count[]){{"pass", pass},
						  {"pages", pages.visited},
						  {"errors", pages.errors},
						  {0}});
	} while (pass != passes);
	guest_tell((struct guest_count[]){
		{"done passes", pass}, {"errors", pages.errors}, {0}});
	guest_finish(pages.errors);
}
