/* SPDX-License-Identifier: MIT */
/*
 * Every call that takes a struct with a size, and a struct that it accepts.
 */
#ifndef TESTS_UNIT_LIBRARY_OPTIONS_CALLS_H
#define TESTS_UNIT_LIBRARY_OPTIONS_CALLS_H

#include <stddef.h>

#include <smudge/smudge.h>

struct sized_call {
	int (*call)(const void *options, struct smudge_error *err);
	const char *type;
	size_t bytes;
	size_t first_version_bytes;
	const void *good;
	int accepted; /* what it returns for a struct of the right size */
};

#define N_SIZED_CALLS 20
extern const struct sized_call sized_calls[N_SIZED_CALLS];

/* Opens what the calls are made with, and closes it. */
void sized_calls_open(void);
void sized_calls_close(void);
struct smudge_memory *sized_calls_memory(void);

#endif
