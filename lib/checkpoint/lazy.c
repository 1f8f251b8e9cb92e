/* SPDX-License-Identifier: MIT */
/*
 * Lazy restores: begin, wait, end.
 */
#include <smudge/lazy.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "checkpoint/lazy_stream.h"
#include "checkpoint/lazy_worker.h"
#include "checkpoint/workers.h"
#include "common/range.h"
#include "qcow2/format.h"
#include "qcow2/kept.h"
#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/options.h"
#include "sys/space.h"
#include "common/thread.h"

#define WHERE "restore"

#define USUAL_THREADS	       2
#define MAX_THREADS	       64
#define USUAL_READ_AHEAD_BYTES (UINT64_C(64) << 10)
#define MAX_READ_AHEAD_BYTES   (UINT64_C(16) << 20)
#define KEPT_IMAGES	       128
#define SMALL_BYTES	       (UINT64_C(256) << 20)
#define SECOND_NS	       UINT64_C(1000000000)

static int copy_options(struct smudge_lazy_options *o,
			const struct smudge_lazy_options *options,
			struct smudge_error *err)
{
	int ret = 0;

	*o = (struct smudge_lazy_options){0};
	if (options)
		ret = smi_sys_options_copy(
			o, options, SMI_SYS_SHAPE(smudge_lazy_options, opaque),
			WHERE, err);
	if (ret < 0)
		return ret;
	if (o->nthreads > MAX_THREADS)
		return smudge_error_set(err, -EINVAL, WHERE,
					"%u threads are more than %u",
					o->nthreads, MAX_THREADS);
	if (o->read_ahead_bytes > MAX_READ_AHEAD_BYTES)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"a read-ahead of %llu bytes is more than %llu",
			(unsigned long long)o->read_ahead_bytes,
			(unsigned long long)MAX_READ_AHEAD_BYTES);
	if (!o->nthreads)
		o->nthreads = USUAL_THREADS;
	if (!o->read_ahead_bytes)
		o->read_ahead_bytes = USUAL_READ_AHEAD_BYTES;
	return 0;
}

static void lazy_failed(void *opaque, const struct smudge_error *why)
{
	struct smudge_lazy *lazy = opaque;

	pthread_mutex_lock(&lazy->lock);
	if (!lazy->failure) {
		lazy->failure = why->code < 0 ? why->code : -EIO;
		lazy->why = *why;
	}
	pthread_cond_broadcast(&lazy->changed);
	pthread_mutex_unlock(&lazy->lock);
	if (lazy->options.failed)
		lazy->options.failed(lazy->options.opaque, why);
}

static int match_regions(struct smudge_lazy *lazy, struct smudge_memory *memory,
			 struct smudge_error *err)
{
	const struct smi_layer *layer = &lazy->chain->layer;
	int ret = smi_match_open(&lazy->match, memory, layer,
				 lazy->options.regions, lazy->options.nregions,
				 err);

	lazy->options.regions = NULL; /* the caller's */
	if (ret < 0)
		return ret;
	lazy->layer_regions =
		calloc(lazy->match.nheld + 1, sizeof(*lazy->layer_regions));
	if (!lazy->layer_regions)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a list of regions");
	for (size_t i = 0; i < lazy->match.nheld; i++)
		lazy->layer_regions[i] = smi_layer_find_region(
			layer, smudge_region_name(lazy->match.held[i]));
	return 0;
}

static int create_pager(struct smudge_lazy *lazy, struct smudge_memory *memory,
			struct smudge_error *err)
{
	const struct smudge_pager_options options = {
		.size = sizeof(options),
		.regions = lazy->match.held,
		.nregions = lazy->match.nheld,
		.nthreads = lazy->options.nthreads,
		.kernel_faults = lazy->options.kernel_faults,
		.bring = smi_lazy_bring,
		.failed = lazy_failed,
		.opaque = lazy,
	};

	return lazy->match.nheld
		       ? smudge_pager_create(memory, &options, &lazy->pager,
					     err)
		       : smudge_error_set(err, -ENOENT, WHERE,
					  "the memory has no regions");
}

/* Rooms for the largest page: nothing is touched before these are there. */
static int open_workers(struct smudge_lazy *lazy, struct smudge_error *err)
{
	uint64_t npages = 1, ahead_npages;
	int ret = 0;

	for (size_t i = 0; i < lazy->match.nheld; i++)
		npages = max_u64(npages,
				 smudge_pager_page_bytes(lazy->pager, i) >>
					 SMI_QCOW2_PAGE_SHIFT);
	lazy->kept = smi_qcow2_kept_open(lazy->chain->images, KEPT_IMAGES);
	if (!lazy->kept)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for descriptors");
	ahead_npages = lazy->options.read_ahead_bytes >> SMI_QCOW2_PAGE_SHIFT;
	ahead_npages = max_u64(npages, ahead_npages / npages * npages);
	for (unsigned int i = 0; ret == 0 && i < lazy->options.nthreads; i++) {
		ret = smi_lazy_worker_open(&lazy->workers[i], lazy,
					   ahead_npages, err);
		if (ret == 0)
			smi_lazy_worker_prepare(&lazy->workers[i], lazy);
	}
	if (ret == 0)
		ret = smi_lazy_worker_open(
			&lazy->streamer, lazy,
			max_u64(npages, SMI_LAZY_STREAM_PAGES), err);
	return ret;
}

/* Are the digests read in a millisecond? */
static bool is_small(const struct smudge_lazy *lazy)
{
	const struct smi_layer *layer = &lazy->chain->layer;
	uint64_t bytes = 0;

	for (size_t i = 0; i < layer->nregions; i++)
		bytes += layer->regions[i].size_bytes;
	return bytes <= SMALL_BYTES;
}

static void set_phase(struct smudge_lazy *lazy, int phase)
{
	SMI_SYS_GUARD(&lazy->lock);
	lazy->phase = phase;
	pthread_cond_broadcast(&lazy->changed);
}

static int begin(struct smudge_lazy *lazy, struct smudge_memory *memory,
		 struct smudge_error *err)
{
	int ret = match_regions(lazy, memory, err);

	if (ret == 0 && (lazy->options.digests_first || is_small(lazy)))
		ret = smi_chain_need_tables(lazy->chain, err);
	if (ret == 0)
		ret = create_pager(lazy, memory, err);
	if (ret == 0)
		ret = open_workers(lazy, err);
	if (ret < 0)
		return ret;
	lazy->begin_ns = smi_sys_now_ns();
	if (thread_start(&lazy->thread, smi_lazy_stream, lazy) < 0)
		return smudge_error_set(err, -EAGAIN, WHERE,
					"no thread could be created to bring "
					"pages in");
	lazy->has_thread = true;
	set_phase(lazy, SMI_LAZY_HAS_BEGUN);
	return 0;
}

static struct smudge_lazy *create(struct smudge_chain *chain,
				  const struct smudge_lazy_options *options)
{
	struct smudge_lazy *lazy = calloc(1, sizeof(*lazy));
	pthread_condattr_t clock;

	if (!lazy)
		return NULL;
	lazy->workers = calloc(options->nthreads, sizeof(*lazy->workers));
	if (!lazy->workers) {
		free(lazy);
		return NULL;
	}
	lazy->chain = chain;
	lazy->options = *options;
	lazy->is_wanted = !options->on_demand;
	lazy->space = smi_sys_space_id();
	pthread_mutex_init(&lazy->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&lazy->changed, &clock);
	pthread_condattr_destroy(&clock);
	return lazy;
}

/* The streaming thread ends by itself: all is in, or nothing more comes. */
static void destroy(struct smudge_lazy *lazy)
{
	if (lazy->has_thread)
		pthread_join(lazy->thread, NULL);
	smudge_pager_destroy(lazy->pager);
	for (unsigned int i = 0; i < lazy->options.nthreads; i++)
		smi_lazy_worker_close(&lazy->workers[i]);
	smi_lazy_worker_close(&lazy->streamer);
	smi_qcow2_kept_close(lazy->kept);
	smi_match_close(&lazy->match);
	pthread_cond_destroy(&lazy->changed);
	pthread_mutex_destroy(&lazy->lock);
	free(lazy->layer_regions);
	free(lazy->workers);
	free(lazy);
}

/* It has not begun: the memory is zeros, and stays accessible. */
static void abandon(struct smudge_lazy *lazy)
{
	for (size_t i = 0; lazy->pager && i < lazy->match.nheld; i++)
		smudge_pager_know_zeros(
			lazy->pager, i, 0,
			smudge_region_npages(lazy->match.held[i])
				<< smudge_region_page_shift(
					   lazy->match.held[i]));
	set_phase(lazy, SMI_LAZY_ABANDONED);
	destroy(lazy);
}

int smudge_restore_lazily(struct smudge_memory *memory,
			  struct smudge_chain *chain,
			  const struct smudge_lazy_options *options,
			  struct smudge_lazy **ret_lazy,
			  struct smudge_error *err)
{
	struct smudge_lazy_options o;
	struct smudge_lazy *lazy;
	int ret;

	smudge_error_clear(err);
	ret = copy_options(&o, options, err);
	if (ret < 0)
		return ret;
	lazy = create(chain, &o);
	if (!lazy)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a restore");
	ret = begin(lazy, memory, err);
	if (ret < 0)
		abandon(lazy);
	else
		*ret_lazy = lazy;
	return ret;
}

static int check_space(const struct smudge_lazy *lazy, struct smudge_error *err)
{
	return smi_sys_space_check(lazy->space, WHERE, "restore", err);
}

/* Lock held. Return: false: the time is over. */
static bool wait_for_change(struct smudge_lazy *lazy, uint64_t deadline_ns)
{
	const struct timespec end = {
		.tv_sec = (time_t)(deadline_ns / SECOND_NS),
		.tv_nsec = (long)(deadline_ns % SECOND_NS),
	};

	if (deadline_ns == UINT64_MAX)
		return pthread_cond_wait(&lazy->changed, &lazy->lock) == 0;
	return pthread_cond_timedwait(&lazy->changed, &lazy->lock, &end) !=
	       ETIMEDOUT;
}

static int wait_for_all(struct smudge_lazy *lazy, uint64_t timeout_ns,
			bool is_unlimited, struct smudge_error *err)
{
	uint64_t deadline_ns = range_end(smi_sys_now_ns(), timeout_ns);
	bool goes_on = timeout_ns != 0;
	int ret;

	SMI_SYS_GUARD(&lazy->lock);
	lazy->is_wanted |= timeout_ns != 0;
	lazy->is_unlimited |= is_unlimited;
	pthread_cond_broadcast(&lazy->changed);
	while (goes_on && !lazy->is_complete && !lazy->failure)
		goes_on = wait_for_change(lazy, deadline_ns);
	if (lazy->failure && err)
		*err = lazy->why;
	if (lazy->failure)
		return lazy->failure;
	/* It was not called yet, but pages are inaccessible. */
	ret = smudge_pager_failure(lazy->pager, err);
	if (ret < 0)
		return ret;
	return lazy->is_complete ? 0
				 : smudge_error_set(err, -ETIMEDOUT, WHERE,
						    "pages still come in");
}

int smudge_lazy_wait(struct smudge_lazy *lazy, uint64_t timeout_ns,
		     struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = check_space(lazy, err);
	return ret < 0 ? ret : wait_for_all(lazy, timeout_ns, false, err);
}

/* Relaxed: a statistic. */
static uint64_t count(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

int smudge_lazy_stats(struct smudge_lazy *lazy, struct smudge_lazy_stats *stats)
{
	struct smudge_pager_stats p = {.size = sizeof(p)};
	struct smudge_lazy_stats own = {
		.fault_bytes = count(&lazy->fault_bytes),
		.read_ahead_bytes = count(&lazy->read_ahead_bytes),
		.stream_bytes = count(&lazy->stream_bytes),
	};

	(void)smudge_pager_stats(lazy->pager, &p);
	own.total_bytes = p.total_bytes;
	own.missing_bytes = p.missing_bytes;
	own.zero_bytes = p.zero_bytes;
	own.dropped_bytes = p.dropped_bytes;
	own.faults = p.faults;
	own.last_fault_ns = p.last_fault_ns;
	own.longest_fault_ns = p.longest_fault_ns;
	own.total_fault_ns = p.total_fault_ns;
	pthread_mutex_lock(&lazy->lock);
	own.is_complete = lazy->is_complete;
	own.failure = lazy->failure;
	own.elapsed_ns =
		(lazy->is_complete ? lazy->complete_ns : smi_sys_now_ns()) -
		lazy->begin_ns;
	pthread_mutex_unlock(&lazy->lock);
	return smi_sys_stats_copy(stats, &own,
				  SMI_SYS_SHAPE(smudge_lazy_stats, failure));
}

/* Return: is it to be cancelled? */
static bool set_cancelled(struct smudge_lazy *lazy)
{
	SMI_SYS_GUARD(&lazy->lock);
	if (lazy->is_complete || lazy->failure)
		return false;
	smudge_error_clear(&lazy->why);
	lazy->failure = smudge_error_set(&lazy->why, -ECANCELED, WHERE,
					 "the restore was cancelled");
	pthread_cond_broadcast(&lazy->changed);
	return true;
}

void smudge_lazy_cancel(struct smudge_lazy *lazy)
{
	if (check_space(lazy, NULL) == 0 && set_cancelled(lazy))
		smudge_pager_fail(lazy->pager, -ECANCELED, NULL);
}

int smudge_lazy_end(struct smudge_lazy *lazy, struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	if (!lazy)
		return 0;
	ret = check_space(lazy, err);
	if (ret < 0)
		return ret;
	ret = wait_for_all(lazy, UINT64_MAX, true, err);
	destroy(lazy);
	return ret;
}
