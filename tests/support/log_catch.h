/* SPDX-License-Identifier: MIT */
/*
 * A log whose messages the test keeps and searches.
 */
#ifndef TESTS_SUPPORT_LOG_CATCH_H
#define TESTS_SUPPORT_LOG_CATCH_H

#include <smudge/log.h>

#define LOG_CATCH_MAX 64

struct log_catch {
	struct smudge_log *log;
	size_t n; /* messages caught; the first LOG_CATCH_MAX are kept */
	struct log_caught {
		enum smudge_log_level level;
		uint64_t left_out;
		char line[256]; /* "where: text" */
	} caught[LOG_CATCH_MAX];
	void (*then)(void *opaque); /* called for each, unless NULL */
	void *opaque;
};

/* The struct is cleared first. */
void log_catch_open(struct log_catch *c, enum smudge_log_level level);
void log_catch_close(struct log_catch *c);

/* How many of the messages kept have @words in their line. */
size_t log_catch_count(const struct log_catch *c, const char *words);

#endif
