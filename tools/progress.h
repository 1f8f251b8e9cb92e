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
 * migration is cancelled, and its end awaited; a refusal to cancel is said on
 * stderr. The end is awaited for as long as interrupt_end_fd allows.
 * Return: 0 when it completed, -ECANCELED, -EINTR (it goes on), or -errno,
 * with a sentence that says nothing of the guest: guest_place_say does.
 */
int progress_watch(struct qmp_client *client, bool quiet, json_t **ret,
		   struct smudge_error *err);

/*
 * progress_wait_arrival - the same at the destination, without a word
 *
 * Return: as progress_watch; -EINTR at the first signal.
 */
int progress_wait_arrival(struct qmp_client *client, struct smudge_error *err);

/* Members of nested objects, 0 where there is none: "ram", "total". */
double progress_number(const json_t *object, const char *outer,
		       const char *name);

#endif
