/* SPDX-License-Identifier: MIT */
/*
 * The wait for the last page, and the end before it.
 *
 * What the library reports stays known when its handle is gone: the last
 * statistics and the error are copied before.
 */
#include "checkpoint/lazy.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/lost_memory.h"
#include "common/layer_place.h"
#include "machine/lost.h"
#include "machine/machine.h"

#define WHERE "restore"

struct lazy {
	struct lazy_options options;
	struct smudge_chain *chain;
	/* of the chain; the thread's, or without one of the one that ends it */
	struct layer_place place;
	bool is_of_disk; /* the place */
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock;
	struct smudge_lazy *library; /* lock; NULL: it has ended */
	struct lazy_report last;     /* lock; without library */
	bool is_ending;		     /* lock */
};

/* What the library says now. With the lock held. */
static void ask(struct lazy *lazy, struct lazy_report *ret)
{
	struct smudge_error why = {0};

	*ret = lazy->last;
	if (!lazy->library)
		return;
	ret->stats.size = sizeof(ret->stats);
	/* it fails only for a struct that is too short */
	(void)smudge_lazy_stats(lazy->library, &ret->stats);
	switch (smudge_lazy_wait(lazy->library, 0, &why)) {
	case 0: /* completed once the chain is closed */
	case -ETIMEDOUT:
		break;
	default:
		ret->status = LAZY_FAILED;
		ret->error = why;
	}
}

void lazy_report(struct lazy *lazy, struct lazy_report *ret)
{
	pthread_mutex_lock(&lazy->lock);
	ask(lazy, ret);
	pthread_mutex_unlock(&lazy->lock);
}

bool lazy_has_failed(struct lazy *lazy, struct smudge_error *why)
{
	struct lazy_report report;

	lazy_report(lazy, &report);
	*why = report.error;
	return report.status == LAZY_FAILED;
}

static bool has_failed(void *opaque, struct smudge_error *why)
{
	return lazy_has_failed(opaque, why);
}

/*
 * The order matters: no vCPU runs, then nothing that others read leaves this
 * process, then who waits for a page may read zeros.
 */
static void failed(void *opaque, const struct smudge_error *why)
{
	struct lazy *lazy = opaque;
	const struct lazy_options *options = &lazy->options;

	machine_lose_memory(options->machine, why);
	options->lost(options->opaque);
	lost_memory_release();
	options->ended(options->opaque, why);
}

/* The library's handle goes, and with it the chain. */
static void finish(struct lazy *lazy)
{
	struct smudge_lazy *library;

	pthread_mutex_lock(&lazy->lock);
	ask(lazy, &lazy->last);
	library = lazy->library;
	lazy->library = NULL;
	pthread_mutex_unlock(&lazy->lock);
	if (library)
		(void)smudge_lazy_end(library, NULL); /* last has its error */
	layer_place_close(&lazy->place);
}

/* Others may have the folder now. */
static void complete(struct lazy *lazy)
{
	bool is_ending;

	pthread_mutex_lock(&lazy->lock);
	lazy->last.status = LAZY_COMPLETED;
	is_ending = lazy->is_ending;
	pthread_mutex_unlock(&lazy->lock);
	if (!is_ending)
		lazy->options.ended(lazy->options.opaque, NULL);
}

static void *wait_for_all(void *opaque)
{
	struct lazy *lazy = opaque;
	struct smudge_error ignored = {0};
	int ret = smudge_lazy_wait(lazy->library, UINT64_MAX, &ignored);

	if (!ret)
		lost_memory_forget();
	finish(lazy);
	if (!ret)
		complete(lazy);
	return NULL;
}

static int restore(struct lazy *lazy, struct smudge_error *err)
{
	struct machine *machine = lazy->options.machine;
	const struct smudge_lazy_options options = {
		.size = sizeof(options),
		.on_demand = true, /* until lazy_bring_all */
		.stream_bytes_per_second = lazy->options.bytes_per_second,
		/* Unicorn touches guest memory as this process does */
		.kernel_faults =
			strcmp(machine_engine_name(machine), "kvm") == 0,
		.failed = failed,
		.opaque = lazy,
	};

	return smudge_restore_lazily(machine_memory(machine), lazy->chain,
				     &options, &lazy->library, err);
}

void lazy_take_place(struct lazy *lazy, const struct layer_place *place)
{
	lazy->place = *place;
	lazy->is_of_disk = place->disk;
}

bool lazy_reads_disk(struct lazy *lazy)
{
	struct lazy_report report;

	lazy_report(lazy, &report);
	return lazy->is_of_disk && report.status == LAZY_ACTIVE;
}

int lazy_bring_all(struct lazy *lazy, struct smudge_error *err)
{
	int ret = host_thread_start(&lazy->thread, wait_for_all, lazy, 0);

	lazy->has_thread = !ret;
	if (!ret)
		return 0;
	return smudge_error_set(err, ret, WHERE, "cannot start a thread: %s",
				strerror(-ret));
}

static void destroy(struct lazy *lazy)
{
	machine_set_memory_check(lazy->options.machine, NULL);
	lost_memory_forget();
	pthread_mutex_destroy(&lazy->lock);
	free(lazy);
}

int lazy_begin(const struct lazy_options *options, struct smudge_chain *chain,
	       struct lazy **ret_lazy, struct smudge_error *err)
{
	struct lazy *lazy = calloc(1, sizeof(*lazy));
	const struct machine_memory_check check = {lazy, has_failed};
	int ret;

	if (!lazy)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	lazy->options = *options;
	lazy->chain = chain;
	pthread_mutex_init(&lazy->lock, NULL);
	ret = lost_memory_watch(machine_ram(options->machine), err);
	if (!ret)
		ret = restore(lazy, err);
	if (ret) {
		destroy(lazy);
		return ret;
	}
	machine_set_memory_check(options->machine, &check);
	*ret_lazy = lazy;
	return 0;
}

/* Pages that never come are zeros for those that wait for them. */
static void cancel(struct lazy *lazy)
{
	bool is_all_here;

	pthread_mutex_lock(&lazy->lock);
	lazy->is_ending = true;
	if (lazy->library)
		smudge_lazy_cancel(lazy->library);
	is_all_here = lazy->library
			      ? smudge_lazy_wait(lazy->library, 0, NULL) == 0
			      : lazy->last.stats.is_complete;
	pthread_mutex_unlock(&lazy->lock);
	if (is_all_here)
		return;
	machine_lose_memory(lazy->options.machine, NULL);
	lost_memory_release();
}

void lazy_end(struct lazy *lazy)
{
	if (!lazy)
		return;
	cancel(lazy);
	if (lazy->has_thread)
		pthread_join(lazy->thread, NULL);
	lazy->has_thread = false;
	finish(lazy);
}

void lazy_destroy(struct lazy *lazy)
{
	if (!lazy)
		return;
	lazy_end(lazy);
	destroy(lazy);
}
