/* SPDX-License-Identifier: MIT */
/*
 * What other tools do to a file of a history.
 */
#ifndef TESTS_UNIT_CHECKPOINT_OPERATIONS_H
#define TESTS_UNIT_CHECKPOINT_OPERATIONS_H

#include "history.h"

struct operation {
	const char *name;
	/*
	 * Return: the file that must show now what @file showed, 0: none, or
	 * the tool refused it.
	 */
	uint64_t (*run)(struct history *h, uint64_t file);
	bool keeps_all; /* every file shows what it showed */
};

extern const struct operation operations[];
extern const size_t noperations;

#endif
