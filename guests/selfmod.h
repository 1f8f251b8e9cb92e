/* SPDX-License-Identifier: MIT */
/*
 * selfmod: a guest that keeps rewriting its own code and checks every result.
 *
 * Routines are written to four places: inside a page, across a page boundary
 * with an instruction that straddles it, in the second page, and a long one
 * across the next boundary. Each place is written by the processor's own
 * stores and by the DMA engine (waiting until it is done), whole and then one
 * constant of it only, and called in between:
 *   sum     adds sixteen constants
 *   next    rewrites the instruction that it executes next (stores only)
 *   ask     asks the DMA engine for the code it goes on with (DMA only)
 *   return  returns a constant; by DMA also with a constant filled in
 * A call must return what the code says that is in memory now.
 *
 * Command line: passes=N (0: for ever), rate=N passes a second (0: as fast as
 * it can), by=stores, dma or both.
 *
 * Serial output, one line each (errors is the total so far):
 *   selfmod: pass P checks N errors E
 *   selfmod: error by stores|dma at OFFSET routine NAME expected X found Y
 *   selfmod: error the DMA engine refuses
 *   selfmod: done passes P errors E
 */
#ifndef GUESTS_SELFMOD_H
#define GUESTS_SELFMOD_H

#include "machine.h"

/* Values for the debug-exit port; smudge-vm exits with 33 and 35. */
enum selfmod_exit {
	SELFMOD_EXIT_OK = 0x10,
	SELFMOD_EXIT_ERRORS = 0x11,
};

#endif
