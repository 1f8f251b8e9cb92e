/* SPDX-License-Identifier: MIT */
/*
 * selfmod: a guest that keeps rewriting its own code and checks every result.
 * rewrite.h describes the code and the errors. A pass is eight rounds.
 *
 * Command line: that of rewrite.h, passes=N (0: for ever), rate=N passes per
 * second (0: no limit).
 *
 * Serial output, one line each (errors is the total so far):
 *   selfmod: pass P checks N errors E
 *   selfmod: done passes P errors E
 */
#include "pace.h"
#include "rewrite.h"

#define ROUNDS	 8
#define MAX_RATE UINT64_C(100000)

const char guest_name[] = "selfmod";

struct selfmod {
	struct rewrite rewrite;
	uint64_t passes;
	uint64_t rate_ps;
};

static void configure(const char *cmdline, struct selfmod *selfmod)
{
	struct guest_word word;

	*selfmod = (struct selfmod){0};
	rewrite_init(&selfmod->rewrite);
	while (guest_next_word(&cmdline, &word)) {
		if (guest_is(word.key, word.key_len, "passes"))
			selfmod->passes = guest_number(&word, false);
		else if (guest_is(word.key, word.key_len, "rate"))
			selfmod->rate_ps = guest_number(&word, false);
		else if (!rewrite_apply(&selfmod->rewrite, &word))
			guest_refuse("unknown parameter", word.key,
				     word.key_len);
		if (selfmod->rate_ps > MAX_RATE)
			guest_refuse("rate is at most 100000, not", word.value,
				     word.value_len);
	}
}

static void run_pass(struct rewrite *rewrite, uint64_t pass)
{
	rewrite->checks = 0;
	for (unsigned int round = 0; round < ROUNDS; round++)
		rewrite_round(rewrite);
	guest_tell((struct guest_count[]){{"pass", pass},
					  {"checks", rewrite->checks},
					  {"errors", rewrite->errors},
					  {0}});
}

void guest_main(const char *cmdline, uint64_t ram_bytes)
{
	struct selfmod selfmod;
	struct guest_pace pace;
	uint64_t pass = 0;

	(void)ram_bytes;
	configure(cmdline, &selfmod);
	guest_pace_start(&pace, selfmod.rate_ps, 1);
	for (;;) {
		run_pass(&selfmod.rewrite, ++pass);
		if (pass == selfmod.passes)
			break;
		guest_pace_step(&pace);
	}
	guest_tell((struct guest_count[]){{"done passes", pass},
					  {"errors", selfmod.rewrite.errors},
					  {0}});
	guest_finish(selfmod.rewrite.errors);
}
