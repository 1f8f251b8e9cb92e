/* SPDX-License-Identifier: MIT */
/*
 * Code that is rewritten again and again, with a check of every result.
 *
 * Routines are written to four places: inside a page, across a page boundary
 * with an instruction that straddles it, in the second page, and a long one
 * across the next boundary. Each place is written by the processor's own
 * stores and by the DMA engine (waiting until it is done), whole and then one
 * constant of it only, and called in between:
 *   sum     adds sixteen constants
 *   next    rewrites the instruction that it executes next (stores only)
 *   ask     asks the DMA engine for the code it continues with (DMA only)
 *   return  returns a constant; by DMA also with a constant filled in
 * A call must return what the code in memory says at that moment.
 *
 * Command line: by=stores, dma or both.
 *
 * Serial output, one line each:
 *   NAME: error by stores|dma at OFFSET routine NAME expected X found Y
 *   NAME: error the DMA engine refuses
 */
#ifndef GUESTS_REWRITE_H
#define GUESTS_REWRITE_H

#include "words.h"

struct rewrite {
	bool by_stores;
	bool by_dma;
	uint64_t checks; /* so far; the guest may clear it */
	uint64_t errors;
	uint32_t random;
};

/* Set the defaults. */
void rewrite_init(struct rewrite *rewrite);

/* True if the word is one of those above. A wrong value ends the machine. */
bool rewrite_apply(struct rewrite *rewrite, const struct guest_word *word);

/* Rewrite and check every place once. */
void rewrite_round(struct rewrite *rewrite);

#endif
