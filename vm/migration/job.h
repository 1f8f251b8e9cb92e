/* SPDX-License-Identifier: MIT */
/*
 * The inside of a migration, shared by its two directions.
 *
 * Locks: `lock` guards all fields marked so and is held for moments only.
 * `start_lock` is held while a job is started, so that none is started once
 * the process ends; it is taken before `lock` and run control's lock.
 */
#ifndef VM_MIGRATION_JOB_H
#define VM_MIGRATION_JOB_H

#include "migration/migration.h"
#include "migration/socket.h"

#include <pthread.h>

#include "machine/machine.h"
#include "machine/run_control.h"

struct migration {
	struct machine *machine;
	struct migration_options options;
	int cancel_fd; /* eventfd: readable once the job is cancelled */
	pthread_t thread;
	pthread_mutex_t start_lock;
	bool has_thread; /* under start_lock, or once the process ends */
	struct migration_uri uri; /* the job's */
	int listen_fd;		  /* the job's, incoming; -1 */
	bool was_running; /* the job's: before the guest was on its way */

	pthread_mutex_t lock;
	enum migration_status status; /* under lock */
	enum migration_place place;   /* under lock; of the last that ended */
	bool incoming;		      /* under lock, or by the job's thread */
	struct smudge_migration *job; /* under lock; NULL before the first */
	struct smudge_migrate_limits limits; /* under lock */
	bool has_listened;		     /* under lock */
	struct migration_uri listened;	     /* under lock */
	int64_t started_ns;		     /* under lock */
	uint64_t setup_ns;		     /* under lock */
	uint64_t total_ns;		     /* under lock */
	struct smudge_error error;	     /* under lock */
};

/*
 * Parse the address, and start a job there by @start, called with start_lock
 * held. Return: -EINVAL (the address), or what @start returned.
 */
int migration_start(struct migration *migration, const char *text,
		    int (*start)(struct migration *migration,
				 struct migration_uri *uri,
				 struct smudge_error *err),
		    struct smudge_error *err);

/*
 * Return: 0, or -EBUSY with one sentence: a job is running. With start_lock
 * held, so that none starts after the check; what else is checked is checked
 * later, since the end of a job may change it.
 */
int migration_check_idle(struct migration *migration, struct smudge_error *err);
/*
 * Prepare a new job: join the last thread, make a new handle, set status
 * setup. With start_lock held, as for migration_spawn. Return: 0, -EBUSY or
 * -ENOMEM with one sentence.
 */
int migration_begin(struct migration *migration, bool incoming,
		    struct smudge_error *err);
int migration_spawn(struct migration *migration, void *(*run)(void *),
		    struct smudge_error *err);
/*
 * A new handle for the same job: each connection needs its own. Return: 0, or
 * -ENOMEM with one sentence.
 */
int migration_renew(struct migration *migration, struct smudge_error *err);
/* From setup to active, once. */
void migration_activate(struct migration *migration);
/*
 * End the job with the library's result: set the machine's state, the last
 * status and the error, and send the event.
 */
void migration_finish(struct migration *migration, int result,
		      const struct smudge_error *err);

#endif
