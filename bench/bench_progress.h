/* SPDX-License-Identifier: MIT */
/*
 * Progress on stderr: the benchmark's name, its elapsed time, the case. On a
 * terminal it is one line that is written again and fits; elsewhere each case
 * has a line, and one more every ten seconds.
 */
#ifndef BENCH_BENCH_PROGRESS_H
#define BENCH_BENCH_PROGRESS_H

/* @name: of the benchmark, borrowed for ever */
void bench_progress_begin(const char *name);

void bench_progress_case(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* @at samples of the case are taken. */
void bench_progress_sample(unsigned int at, unsigned int nsamples);

/* Before a result is printed, which may be on the same terminal. */
void bench_progress_clear(void);

#endif
