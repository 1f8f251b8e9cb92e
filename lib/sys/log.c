/* SPDX-License-Identifier: MIT */
/*
 * The log: who listens, what waits, and its delivery.
 *
 * One thread at a time delivers, and holds no lock while the program's function
 * runs. A thread that finds another one at it leaves its messages to that one,
 * which looks again, under the lock, before it stops. So no thread waits for
 * the program's function, except smudge_log_close.
 */
#include "sys/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "sys/clock.h"
#include "sys/error.h"
#include "sys/guard.h"
#include "sys/options.h"

#define WHERE "log"

struct smudge_log {
	bool is_open;
	struct smudge_log_options options;
};

struct note {
	enum smudge_log_level level;
	uint64_t time_ns, left_out;
	char where[sizeof(((struct smudge_error *)0)->where)];
	char text[sizeof(((struct smudge_error *)0)->message)];
};

_Atomic int smi_sys_log_level;
_Atomic unsigned int smi_sys_log_npending; /* changed under lock */
/* The definition needs the model too: without it the first use allocates. */
_Thread_local unsigned int smi_sys_log_depth
	__attribute__((tls_model("initial-exec")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t write_returned = PTHREAD_COND_INITIALIZER;
static struct smudge_log logs[SMUDGE_MAX_LOGS];
static struct note notes[SMI_SYS_LOG_ROOM];
static unsigned int first_note; /* of those that wait, which are in a row */
static bool is_delivering;
static pthread_t deliverer;		 /* while is_delivering */
static const struct smudge_log *written; /* whose write runs, or NULL */

/* Relaxed: all changes are under the lock. */
static unsigned int npending(void)
{
	return atomic_load_explicit(&smi_sys_log_npending,
				    memory_order_relaxed);
}

static void set_npending(unsigned int n)
{
	atomic_store_explicit(&smi_sys_log_npending, n, memory_order_relaxed);
}

static void update_level(void)
{
	int level = 0;

	for (size_t i = 0; i < SMUDGE_MAX_LOGS; i++) {
		if (logs[i].is_open && (int)logs[i].options.level > level)
			level = (int)logs[i].options.level;
	}
	atomic_store_explicit(&smi_sys_log_level, level, memory_order_relaxed);
}

/* In the child of fork(2), by its only thread: another one may have held it. */
static void forget_all(void)
{
	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&write_returned, NULL);
	for (size_t i = 0; i < SMUDGE_MAX_LOGS; i++)
		logs[i].is_open = false;
	is_delivering = false;
	written = NULL;
	set_npending(0);
	update_level();
}

static int forget_in_children(void)
{
	static bool is_set_up; /* lock */
	int ret = is_set_up ? 0 : -pthread_atfork(NULL, NULL, forget_all);

	is_set_up = ret == 0;
	return ret;
}

static int check_options(struct smudge_log_options *options,
			 struct smudge_error *err)
{
	if (!options->level)
		options->level = SMUDGE_LOG_WARNING;
	if ((int)options->level < SMUDGE_LOG_WARNING ||
	    options->level > SMUDGE_LOG_DEBUG)
		return smudge_error_set(err, -EINVAL, WHERE,
					"%d is no level of messages",
					(int)options->level);
	if (!options->write)
		return smudge_error_set(err, -EINVAL, WHERE,
					"a log needs a write");
	return 0;
}

int smudge_log_open(const struct smudge_log_options *options,
		    struct smudge_log **ret_log, struct smudge_error *err)
{
	struct smudge_log_options own;
	struct smudge_log *log = logs;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(&own, options,
				   SMI_SYS_SHAPE(smudge_log_options, opaque),
				   WHERE, err);
	if (ret == 0)
		ret = check_options(&own, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&lock);
	while (log < logs + SMUDGE_MAX_LOGS && log->is_open)
		log++;
	if (log == logs + SMUDGE_MAX_LOGS)
		return smudge_error_set(err, -ENOSPC, WHERE,
					"%d logs are open already",
					SMUDGE_MAX_LOGS);
	if (forget_in_children() < 0)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	*log = (struct smudge_log){.is_open = true, .options = own};
	update_level();
	*ret_log = log;
	return 0;
}

void smudge_log_close(struct smudge_log *log)
{
	if (!log)
		return;
	SMI_SYS_GUARD(&lock);
	log->is_open = false;
	update_level();
	while (written == log && !pthread_equal(deliverer, pthread_self()))
		pthread_cond_wait(&write_returned, &lock);
}

/* May one more of this kind be noted? Counts it if not. lock held. */
static bool is_within_limits(struct smi_sys_log_kind *kind, uint64_t now_ns)
{
	if (!kind->window_ns ||
	    now_ns - kind->window_ns >= SMI_SYS_LOG_WINDOW_NS) {
		kind->window_ns = now_ns;
		kind->noted = 0;
	}
	if (kind->noted < SMI_SYS_LOG_BURST && npending() < SMI_SYS_LOG_ROOM)
		return true;
	kind->left_out++;
	return false;
}

void smi_sys_log_note(struct smi_sys_log_kind *kind,
		      enum smudge_log_level level, const char *where,
		      const char *format, ...)
{
	int saved = errno;
	uint64_t now_ns = smi_sys_now_ns();
	struct note *note;
	va_list args;

	pthread_mutex_lock(&lock);
	if (is_within_limits(kind, now_ns)) {
		note = &notes[(first_note + npending()) % SMI_SYS_LOG_ROOM];
		note->level = level;
		note->time_ns = now_ns;
		note->left_out = kind->left_out;
		snprintf(note->where, sizeof(note->where), "%s", where);
		va_start(args, format);
		vsnprintf(note->text, sizeof(note->text), format, args);
		va_end(args);
		smi_sys_error_filter(note->where);
		smi_sys_error_filter(note->text);
		kind->noted++;
		kind->left_out = 0;
		set_npending(npending() + 1);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}

/* lock held, and left meanwhile. */
static void write_to(struct smudge_log *log,
		     const struct smudge_log_message *message)
{
	const struct smudge_log_options options = log->options;

	written = log;
	pthread_mutex_unlock(&lock);
	options.write(message, options.opaque);
	pthread_mutex_lock(&lock);
	written = NULL;
	pthread_cond_broadcast(&write_returned);
}

/* lock held, and left meanwhile: a log may close, or another open. */
static void deliver_first(void)
{
	const struct note note = notes[first_note];
	const struct smudge_log_message message = {
		.size = sizeof(message),
		.level = note.level,
		.where = note.where,
		.text = note.text,
		.time_ns = note.time_ns,
		.left_out = note.left_out,
	};

	first_note = (first_note + 1) % SMI_SYS_LOG_ROOM;
	set_npending(npending() - 1);
	for (size_t i = 0; i < SMUDGE_MAX_LOGS; i++) {
		if (logs[i].is_open && note.level <= logs[i].options.level)
			write_to(&logs[i], &message);
	}
}

void smi_sys_log_deliver(void)
{
	int saved = errno;

	pthread_mutex_lock(&lock);
	if (!is_delivering) {
		is_delivering = true;
		deliverer = pthread_self();
		while (npending())
			deliver_first();
		is_delivering = false;
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}
