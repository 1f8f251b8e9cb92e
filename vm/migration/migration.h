/* SPDX-License-Identifier: MIT */
/*
 * Migrations of a machine, out of this process and into it.
 *
 * One at a time, on a thread of its own; the library (smudge/migrate.h) does
 * the work, this is its link to the machine. A machine that was sent never
 * runs here again: two copies of one guest would run. The machine is started
 * and stopped through machine/run_control.h only.
 * Threads: any, unless said otherwise.
 */
#ifndef VM_MIGRATION_MIGRATION_H
#define VM_MIGRATION_MIGRATION_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/migrate.h>

#include "migration/socket.h"

struct machine;
struct migration;
struct migration_report;

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

/* Where the guest is after a migration. */
enum migration_place {
	MIGRATION_AT_SOURCE,
	MIGRATION_AT_DESTINATION,
	MIGRATION_AT_UNKNOWN, /* handed over, but not confirmed */
};

/* "source", "destination", "unknown". */
const char *migration_place_name(enum migration_place place);

struct migration_options {
	struct machine *machine; /* borrowed; outlives the migration */
	void *opaque;
	/* After each change, without locks, on the thread that made it. */
	void (*changed)(void *opaque, enum migration_status status);
};

int migration_create(const struct migration_options *options,
		     struct migration **ret, struct smudge_error *err);

/*
 * migration_end - the process ends: cancel what runs, and wait for its end
 * @migration: may be NULL
 * @ret: receives the report of what it came to
 *
 * The guest is not started any more, whatever happens. Blocks: until the
 * migration's thread has ended; after the receiver's acknowledgement that may
 * take the peer's 30 s, since only the peer knows where the guest is.
 * Return: a migration was running when this was called.
 */
bool migration_end(struct migration *migration, struct migration_report *ret);

/* As migration_end. NULL is fine. */
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
 * if it ran at the peer and run_control_stop was not called meanwhile. On
 * failure the sentence goes to stderr and the process is asked to end with
 * status 1. Return: as migration_start_outgoing, or the error of listening.
 */
int migration_start_incoming(struct migration *migration, const char *uri,
			     struct smudge_error *err);

/*
 * migration_cancel - make a migration that runs give up
 *
 * Success means that the guest is not handed over; nothing happens when it is
 * here and no migration runs.
 * Return: 0, -EALREADY (the guest is being handed over, or was), with one
 * sentence.
 */
int migration_cancel(struct migration *migration, struct smudge_error *err);

/* Kept from one migration to the next, and used at once by one that runs. */
struct smudge_migrate_limits migration_limits(struct migration *migration);
void migration_set_limits(struct migration *migration,
			  const struct smudge_migrate_limits *limits);

/* True from setup to the end. */
bool migration_is_running(struct migration *migration);

struct migration_report {
	enum migration_status status;
	enum migration_place place; /* once it has ended */
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
 * migration_take_back - as run_control_take_back, and the report says so
 */
int migration_take_back(struct migration *migration, struct smudge_error *err);

#endif
