/* SPDX-License-Identifier: MIT */
/*
 * The inside of a migration, shared by its two directions.
 *
 * Locks: `lock` guards all fields marked so and is held for moments only.
 * `run_lock` is held while the machine is started or stopped; it is taken
 * before `lock`. `start_lock` is held while a job is started, and is taken
 * before both, so that none is started once the process ends.
 */
#ifndef VM_MIGRATION_JOB_H
#define VM_MIGRATION_JOB_H

#include "migration/migration.h"
#include "migration/socket.h"

#include <pthread.h>

#include "machine/machine.h"

struct migration {
	struct machine *machine;
	struct migration_options options;
	int cancel_fd; /* eventfd: readable once the job is cancelled */
	pthread_t thread;
	pthread_mutex_t start_lock;
	bool has_thread; /* under start_lock, or after `ending` was set */
	struct migration_uri uri; /* the job's */
	int listen_fd;		  /* the job's, incoming; -1 */

	pthread_mutex_t run_lock;
	bool switching;	  /* under run_lock: the sender stopped the machine */
	bool ending;	  /* under run_lock: the process ends */
	bool was_running; /* under run_lock: before switching */
	bool autostart;	  /* under run_lock: run once arrived */
	enum machine_run_state state_before; /* under run_lock */

	pthread_mutex_t lock;
	enum migration_status status; /* under lock */
	/* Of the last that ended; written under both locks, read under one. */
	enum migration_place place;
	bool incoming;		      /* likewise */
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
 * What precedes machine_save_state's bytes in the stream: a u32 version and
 * a u32 of flags, little-endian.
 */
#define MIGRATION_STATE_VERSION 1u
#define MIGRATION_STATE_RUNNING 1u

/*
 * Prepare a new job: join the last thread, fresh handle, status setup. With
 * start_lock held, as for migration_spawn.
 * Return: 0, -EBUSY or -ENOMEM with one sentence.
 */
int migration_begin(struct migration *migration, bool incoming,
		    struct smudge_error *err);
int migration_spawn(struct migration *migration, void *(*run)(void *),
		    struct smudge_error *err);
/*
 * A fresh handle for the same job: a handle is good for one connection.
 * Return: 0, or -ENOMEM with one sentence.
 */
int migration_renew(struct migration *migration, struct smudge_error *err);
/* From setup to active, once. */
void migration_activate(struct migration *migration);
/*
 * What the job came to, from its result: the machine's state, the last status
 * and the event follow. Keeps the error.
 */
void migration_finish(struct migration *migration, int result,
		      const struct smudge_error *err);

/*
 * migration_check_here - is the guest here, for its user to command?
 *
 * With run_lock held. Return: 0, or as migration_cont, with one sentence.
 */
int migration_check_here(struct migration *migration, struct smudge_error *err);

#endif
