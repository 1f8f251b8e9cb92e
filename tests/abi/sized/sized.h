/* SPDX-License-Identifier: MIT */
/*
 * Every call that takes a struct with a size, for a program whose structs have
 * one field less or more than the headers' (vary.py).
 */
#ifndef TESTS_ABI_SIZED_SIZED_H
#define TESTS_ABI_SIZED_SIZED_H

#include <stdbool.h>
#include <stddef.h>

#include VARIED_HEADER

#include "world.h"

struct sized_call {
	int (*call)(void *argument); /* undoes what it did */
	const void *good;    /* a struct that is accepted; NULL: it is filled */
	size_t size_bytes;   /* of this program's struct */
	size_t known_bytes;  /* of it without what the headers do not have */
	int accepted;	     /* what the call returns for a good struct */
	bool may_be_less;    /* the first version had not the last field */
	const char *why_not; /* why nothing is tried */
};

#define SIZED_CALL_NUMBER(call, type) CALL_##call##_##type,
enum {
	SIZED_CALLS(SIZED_CALL_NUMBER) N_SIZED_CALLS
};

extern struct sized_call sized_calls[N_SIZED_CALLS];

/* Say of calls that cannot be tried here why not; the world is open. */
void sized_leave_out(void);

/*
 * Make the call with the good struct; @last is the last byte of the new field,
 * and what follows the struct is rubbish.
 */
int sized_call_with(const struct sized_call *c, unsigned char last);

#endif
