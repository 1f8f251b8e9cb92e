/* SPDX-License-Identifier: MIT */
/*
 * A migration's progress on one line, and the wait for its end.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>

#include <jansson.h>

struct qmp_client;
struct smudge_error;

/*
 * progress_watch - show a migration until it ends
 * @client: connected to the source
 * @quiet: show nothing
 * @ret: receives the last query-migrate, a new reference; only on success
 *
 * On a terminal one line is rewritten; elsewhere lines follow each other,
 * one a round and at least one a second. When a signal is noted the
 * migration is cancelled, and its end awaited.
 * Return: 0 when it completed, -ECANCELED, or -errno with the sentence of
 * the failure.
 */
int progress_watch(struct qmp_client *client, bool quiet, json_t **ret,
		   struct smudge_error *err);

/* Members of nested objects, 0 where there is none: "ram", "total". */
double progress_number(const json_t *object, const char *outer,
		       const char *name);

#endif
