/* SPDX-License-Identifier: MIT */
/*
 * The log of log_catch.h. The library calls it on one thread at a time.
 */
#include "log_catch.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

static void catch (const struct smudge_log_message *message, void *opaque)
{
	struct log_catch *c = opaque;
	struct log_caught *caught = &c->caught[c->n];

	if (c->n < LOG_CATCH_MAX) {
		caught->level = message->level;
		caught->left_out = message->left_out;
		snprintf(caught->line, sizeof(caught->line), "%s: %s",
			 message->where, message->text);
	}
	c->n++;
	if (c->then)
		c->then(c->opaque);
}

void log_catch_open(struct log_catch *c, enum smudge_log_level level)
{
	struct smudge_log_options options = {.size = sizeof(options),
					     .level = level,
					     .write = catch,
					     .opaque = c};

	memset(c, 0, sizeof(*c));
	assert_int_equal(smudge_log_open(&options, &c->log, NULL), 0);
}

void log_catch_close(struct log_catch *c)
{
	smudge_log_close(c->log);
}

size_t log_catch_count(const struct log_catch *c, const char *words)
{
	size_t found = 0;

	for (size_t i = 0; i < c->n && i < LOG_CATCH_MAX; i++)
		found += strstr(c->caught[i].line, words) != NULL;
	return found;
}
