/* SPDX-License-Identifier: MIT */
/*
 * A migration's progress, and the wait for its end.
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
 * @ret_migration: receives the last query-migrate, a new reference; written
 * only on success
 *
 * On a terminal one line is rewritten, as long as the terminal is wide; a line
 * stays for each round that was seen. Elsewhere lines follow each other, one
 * per round and at least one per second. If a signal is noted, the migration is
 * cancelled and its end awaited, for as long as interrupt_end_fd allows; a
 * refusal to cancel is printed on stderr.
 * Return: 0 if it completed, -ECANCELED, -EINTR (it continues), or -errno. The
 * sentence does not say where the guest is; guest_place_say does.
 */
int progress_watch(struct qmp_client *client, bool quiet,
		   json_t **ret_migration, struct smudge_error *err);

/*
 * progress_wait_arrival - wait at the destination, and print nothing
 *
 * Return: as progress_watch; -EINTR at the first signal.
 */
int progress_wait_arrival(struct qmp_client *client, struct smudge_error *err);

#endif
