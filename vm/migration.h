/* SPDX-License-Identifier: MIT */
/*
 * Migrations of a machine, out of this process and into it.
 *
 * One at a time, on a thread of its own; the library (smudge/migrate.h) does
 * the work, this is its link to the machine. A machine that was sent never
 * runs here again: two copies of one guest would go on.
 *
 * Every start and stop of the machine by a user goes through migration_cont
 * and migration_stop, so that none can slip in between the moment the
 * migration stopped the machine and the peer's acknowledgement.
 * Threads: any, unless said otherwise.
 */
#ifndef VM_MIGRATION_H
#define VM_MIGRATION_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/migrate.h>

#include "migration_socket.h"

struct machine;
struct migration;

enum migration_status {
	MIGRATION_NONE,
	MIGRATION_SETUP,
	MIGRATION_ACTIVE,
	MIGRATION_CANCELLING,
	MIGRATION_COMPLETED,
	MIGRATION_FAILED,
	MIGRATION_CANCELLED,
};

/* QMP's names: "none", "setup" and so on. */
const char *migration_status_name(enum migration_status status);

struct migration_options {
	struct machine *machine; /* borrowed; outlives the migration */
	void *opaque;
	/* After each change, without locks, on the thread that made it. */
	void (*changed)(void *opaque, enum migration_status status);
};

int migration_create(const struct migration_options *options,
		     struct migration **ret, struct smudge_error *err);

/* Cancels what runs and waits for its end. NULL is fine. */
void migration_destroy(struct migration *migration);

/*
 * migration_start_outgoing - send the machine to a peer
 * @uri: tcp:HOST:PORT or unix:PATH
 *
 * Returns at once; the connection is made on the migration's thread. One
 * thread at a time calls this and migration_start_incoming.
 * Return: 0, -EINVAL (uri), -EBUSY (one runs, or there is no machine to
 * send), -ENOMEM, with one sentence.
 */
int migration_start_outgoing(struct migration *migration, const char *uri,
			     struct smudge_error *err);

/*
 * migration_start_incoming - listen for a machine, and take it over
 * @uri: tcp:HOST:PORT or unix:PATH
 *
 * Listening has begun when this returns. The machine runs when it is here,
 * if it ran at the peer and migration_stop was not called meanwhile. On failure
 * the sentence goes to stderr and the process is asked to end with status 1.
 * Return: as migration_start_outgoing, or the error of listening.
 */
int migration_start_incoming(struct migration *migration, const char *uri,
			     struct smudge_error *err);

/* Until its thread has ended, if there is one. NULL is fine. */
void migration_wait(struct migration *migration);

/* It was handed over, and not confirmed, and not taken back. */
bool migration_is_unconfirmed(struct migration *migration);

/* Nothing happens when none runs, or too late. */
void migration_cancel(struct migration *migration);

/* Kept from one migration to the next, and used at once by one that runs. */
struct smudge_migrate_limits migration_limits(struct migration *migration);
void migration_set_limits(struct migration *migration,
			  const struct smudge_migrate_limits *limits);

/* True from setup to the end. */
bool migration_is_running(struct migration *migration);

struct migration_report {
	enum migration_status status;
	bool incoming;
	uint64_t setup_ns;
	uint64_t total_ns;
	bool has_listened;
	struct migration_uri listened; /* the address bound, if it has */
	struct smudge_migrate_stats stats;
	struct smudge_error error; /* why it failed */
};

void migration_report(struct migration *migration,
		      struct migration_report *ret);

/*
 * migration_cont - let the machine run, now or once it has arrived
 * Return: 0, -EBUSY (the migration is about to end), -EPERM (the machine was
 * sent away), -EINVAL (it cannot run any more), with one sentence.
 */
int migration_cont(struct migration *migration, struct smudge_error *err);
void migration_stop(struct migration *migration);

/*
 * migration_take_back - the user knows that the peer does not run the machine
 *
 * After a migration whose last message was not confirmed the machine stays
 * stopped at both ends at worst; this makes it an ordinary paused one here.
 * Return: 0, -EPERM (no such migration) with one sentence.
 */
int migration_take_back(struct migration *migration, struct smudge_error *err);

#endif
