/* SPDX-License-Identifier: MIT */
/*
 * Writes to a file that fail, or write less than they were asked to. The linker
 * puts fail_output.c before libc, for the test's threads and all others.
 */
#ifndef TESTS_UNIT_QCOW2_FAIL_OUTPUT_H
#define TESTS_UNIT_QCOW2_FAIL_OUTPUT_H

#include <stdbool.h>

/* The n-th write from now on and all after it fail with @error. 0: none. */
void fail_output_at(unsigned int n, int error);
/* How many writes were asked for since. */
unsigned int fail_output_count(void);
/* Writes write a part, or are interrupted, in turn. */
void fail_output_short(bool is_short);

#endif
