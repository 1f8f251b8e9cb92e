/* SPDX-License-Identifier: MIT */
/*
 * everything: a guest that writes its memory, rewrites its own code and paints,
 * in turn, and checks all three. A pass is one of pages.h, one round of
 * rewrite.h and one pass of picture.h; these describe the errors.
 *
 * Command line: that of pages.h and of rewrite.h, and passes=N (0: for ever).
 *
 * Serial output, one line each (errors is the total so far):
 *   everything: ready pages N
 *   everything: pass P pages VISITED checks N lines L errors E
 *   everything: error this machine has no display
 *   everything: done passes P errors E
 */
#include "pages.h"
#include "picture.h"
#include "rewrite.h"

const char guest_name[] = "everything";

struct everything {
	struct pages pages;
	struct rewrite rewrite;
	struct picture picture;
	uint64_t passes;
};

static void configure(const char *cmdline, uint64_t ram_bytes,
		      struct everything *all)
{
	struct guest_word word;

	all->passes = 0;
	pages_init(&all->pages);
	rewrite_init(&all->rewrite);
	while (guest_next_word(&cmdline, &word)) {
		if (guest_is(word.key, word.key_len, "passes"))
			all->passes = guest_number(&word, false);
		else if (!pages_apply(&all->pages, &word, ram_bytes) &&
			 !rewrite_apply(&all->rewrite, &word))
			guest_refuse("unknown parameter", word.key,
				     word.key_len);
	}
}

static uint64_t count_errors(const struct everything *all)
{
	return all->pages.errors + all->rewrite.errors + all->picture.errors;
}

static void run_pass(struct everything *all, uint64_t pass)
{
	all->rewrite.checks = 0;
	all->picture.checked = 0;
	pages_pass(&all->pages, pass);
	rewrite_round(&all->rewrite);
	picture_pass(&all->picture, pass);
	guest_tell((struct guest_count[]){{"pass", pass},
					  {"pages", all->pages.visited},
					  {"checks", all->rewrite.checks},
					  {"lines", all->picture.checked},
					  {"errors", count_errors(all)},
					  {0}});
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct everything all;
	uint64_t pass = 0;

	configure(cmdline, ram_bytes, &all);
	if (!picture_start(&all.picture)) {
		guest_tell_error("this machine has no display");
		guest_exit(GUEST_EXIT_ERRORS);
	}
	pages_start(&all.pages);
	guest_tell(
		(struct guest_count[]){{"ready pages", all.pages.npages}, {0}});
	do
		run_pass(&all, ++pass);
	while (pass != all.passes);
	guest_tell((struct guest_count[]){
		{"done passes", pass}, {"errors", count_errors(&all)}, {0}});
	guest_finish(count_errors(&all));
}
