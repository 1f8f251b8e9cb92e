/* SPDX-License-Identifier: MIT */
/*
 * What the library has to say that is no failure of a call: what it chose, and
 * what works but is slower, less exact or larger than it should be. It says so
 * to functions of the program, and prints nothing itself.
 *
 * Failures are not logged instead of being returned. A source that fails is
 * both, since some calls (smudge_region_remove, smudge_source_destroy) end its
 * use without an error. docs/tracing.md lists the messages.
 */
#ifndef SMUDGE_LOG_H
#define SMUDGE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_log;

/* How many logs a process has open at one time; more are refused. */
#define SMUDGE_MAX_LOGS 8

enum smudge_log_level {
	/* Works, but slower, less exact or larger than it should be. */
	SMUDGE_LOG_WARNING = 1,
	/* What was chosen, and what it means; a peer's oddities. */
	SMUDGE_LOG_INFO = 2,
	/* Clients, sources and regions come and go. */
	SMUDGE_LOG_DEBUG = 3,
};

/* Valid during the call; text and where as in struct smudge_error. */
struct smudge_log_message {
	size_t size; /* the library's */
	enum smudge_log_level level;
	const char *where; /* the part that says it: "kvm", "barrier", ... */
	const char *text;  /* one sentence, at most 199 bytes of UTF-8, without
			      control characters and full stop */
	uint64_t time_ns;  /* CLOCK_MONOTONIC, when it was noted */
	uint64_t left_out; /* messages of its kind that were left out before
			      it, since there were too many or no room */
};

struct smudge_log_options {
	size_t size;		     /* sizeof(struct smudge_log_options) */
	enum smudge_log_level level; /* the last one wanted; 0: warnings */
	/*
	 * Called once per message, never by two threads at once, and never with
	 * a lock of the library held: at the end of a call of the library, on
	 * any thread that makes one. So locks that the program holds around its
	 * calls are held, and what takes long makes that call longer. It may
	 * call the library, but must destroy, close or change nothing that the
	 * call which it interrupts was given.
	 */
	void (*write)(const struct smudge_log_message *message, void *opaque);
	void *opaque; /* for write */
};

/*
 * smudge_log_open - have messages written from now on
 * @options: copied
 * @ret_log: receives the handle, owned by the caller
 * @err: receives the first failure; may be NULL
 *
 * The log is the process's: it tells of all memories, and each part of a
 * program may open its own. Messages of one kind are limited to eight in ten
 * seconds, and 32 wait for their delivery; what goes beyond is counted. Nothing
 * is allocated for them. While no log is open nothing is composed. A child of
 * fork(2) has none.
 * Blocks: on a short lock. Threads: any.
 * Return: 0, -EINVAL (options too short, no such level, no write), -E2BIG (the
 * options have fields that this library does not know), -ENOSPC
 * (SMUDGE_MAX_LOGS are open), -ENOMEM. On failure nothing has changed.
 */
int smudge_log_open(const struct smudge_log_options *options,
		    struct smudge_log **ret_log,
		    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(2);

/*
 * smudge_log_close - have no more messages written
 * @log: may be NULL; invalid afterwards
 *
 * When it returns, write runs no more and what opaque points to may go. Called
 * from within write, it returns at once, and that call of write is the last.
 * Messages that were not delivered are lost to this log.
 * Blocks: until write has returned on another thread; so not with a lock that
 * write takes. Threads: any.
 */
void smudge_log_close(struct smudge_log *log);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
