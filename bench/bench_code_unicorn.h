/* SPDX-License-Identifier: MIT */
/*
 * Measures a guest in Unicorn whose code is written by DMA.
 */
#ifndef BENCH_BENCH_CODE_UNICORN_H
#define BENCH_BENCH_CODE_UNICORN_H

/* Measures it, and puts out its rows. */
void bench_code_unicorn(void);

#endif
