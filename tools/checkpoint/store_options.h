/* SPDX-License-Identifier: MIT */
/*
 * The options of smudge checkpoint that are about its store.
 */
#ifndef TOOLS_CHECKPOINT_STORE_OPTIONS_H
#define TOOLS_CHECKPOINT_STORE_OPTIONS_H

#include <getopt.h>

#include "checkpoint/request.h"

/* Their codes are above those of characters. */
enum checkpoint_store_option {
	CHECKPOINT_ON_COMMIT = 512,
	CHECKPOINT_STORE_DEADLINE,
	CHECKPOINT_SNAPSHOT_QMP,
	CHECKPOINT_SNAPSHOT_NODE,
	CHECKPOINT_WITHOUT_FLUSH,
};

/* Of the table for getopt_long(3). */
#define CHECKPOINT_STORE_OPTIONS                                      \
	{"on-commit", required_argument, NULL, CHECKPOINT_ON_COMMIT}, \
		{"store-deadline", required_argument, NULL,           \
		 CHECKPOINT_STORE_DEADLINE},                          \
		{"snapshot-qmp", required_argument, NULL,             \
		 CHECKPOINT_SNAPSHOT_QMP},                            \
		{"snapshot-node", required_argument, NULL,            \
		 CHECKPOINT_SNAPSHOT_NODE},                           \
	{                                                             \
		"store-without-flush", no_argument, NULL,             \
			CHECKPOINT_WITHOUT_FLUSH                      \
	}

/*
 * checkpoint_take_store_option - of getopt_long(3), with its value in optarg
 *
 * Return: TOOL_OK, or TOOL_USAGE after a sentence, unless the code is none of
 * these options.
 */
int checkpoint_take_store_option(int code, struct checkpoint_request *request);

/* Do they belong together? Return: TOOL_OK, or TOOL_USAGE after a sentence. */
int checkpoint_check_store(const struct checkpoint_request *request);

#endif
