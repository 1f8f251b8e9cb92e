/* SPDX-License-Identifier: MIT */
/*
 * Migrations of a machine, out of this process and into it.
 *
 * There is one at a time, on a thread of its own. The library
 * (smudge/migrate.h) does the work; this links it to the machine. A machine
 * that was sent never runs here again: two copies of one guest would run. The
 * machine is started and stopped through machine/run_control.h only.
 *
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
	/*
	 * Called after each change, without locks, on the thread that made it.
	 */
	void (*changed)(void *opaque, enum migration_status status);
};

int migration_create(const struct migration_options *options,
		     struct migration **ret, struct smudge_error *err);

/*
 * migration_end - the process ends: cancel a running migration, wait for its
 * end
 * @migration: may be NULL
 * @ret: receives the final report
 *
 * The guest is not started any more, whatever happens. Blocks: until the
 * migration's thread has ended; after the receiver's acknowledgement that may
 * take the peer's 30 s, since only the peer knows where the guest is.
 * Return: true when a migration was running.
 */
bool migration_end(struct migration *migration, struct migration_report *ret);

/* As migration_end. NULL is fine. */
void migration_destroy(struct migration *migration);

/*
 * migration_start_outgoing - send the machine to a peer
 * @uri: tcp:HOST:PORT or unix:PATH
 *
 * Returns at once; the migration's thread makes the connection. Only one
 * thread at a time calls this and migration_start_incoming.
 * Return: 0, -EINVAL (uri), -EBUSY (one is running, or there is no machine to
 * send), -ENOMEM, with one sentence.
 */
int migration_start_outgoing(struct migration *migration, const char *uri,
			     struct smudge_error *err);

/*
 * migration_start_incoming - listen for a machine, and receive it
 * @uri: tcp:HOST:PORT or unix:PATH
 *
 * Listening has begun when this returns. When the machine has arrived it runs,
 * if it ran at the peer and run_control_stop was not called meanwhile. On
 * failure the sentence is written to stderr and the process is asked to end
 * with status 1.
 * Return: as migration_start_outgoing, or the error of listening.
 */
int migration_start_incoming(struct migration *migration, const char *uri,
			     struct smudge_error *err);

/*
 * migration_cancel - cancel a running migration
 *
 * Success means that the guest is not handed over. When it is here and no
 * migration is running, nothing happens.
 * Return: 0, -EALREADY (the guest is being handed over, or was), with one
 * sentence.
 */
int migration_cancel(struct migration *migration, struct smudge_error *err);

/*
 * Kept from one migration to the next; a running one uses new limits at once.
 */
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

/* As run_control_take_back; the report then has the source as its place. */
int migration_take_back(struct migration *migration, struct smudge_error *err);

#endif
