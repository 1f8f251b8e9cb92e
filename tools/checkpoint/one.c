/* SPDX-License-Identifier: MIT */
/*
 * One checkpoint from outside. A save cannot be cancelled by the thread that
 * makes it, so it is a task.
 */
#include "checkpoint/outside.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "checkpoint/pruner.h"
#include "checkpoint/report.h"
#include "clock.h"
#include "common/clock.h"
#include "common/streams.h"
#include "print_json.h"
#include "task.h"
#include "work.h"

#define NAME	   "checkpoint"
#define PAGE_BYTES 4096.0

struct saving {
	struct checkpoint_outside *outside;
	struct smudge_layer_info info;
	int64_t began_ns;
	int64_t total_ns; /* until it was in place */
	bool is_in_place; /* also where what follows has failed */
	struct smudge_error err;
	/* Copied, and its layer is being written. Relaxed: it is only shown. */
	atomic_bool is_written;
};

static int copy(struct saving *saving, uint64_t *ret_ticket)
{
	struct checkpoint_outside *outside = saving->outside;
	struct smudge_save_options options = {
		.size = sizeof(options),
		.look_ahead = outside->options.look_ahead,
		.uncompressed = outside->options.uncompressed,
		.pause_deadline_ns = outside->options.pause_deadline_ns,
	};
	int ret = checkpoint_store_begin(outside->store, &options.is_full,
					 &saving->err);

	return ret ? ret
		   : smudge_checkpointer_save(outside->checkpointer, &options,
					      ret_ticket, &saving->err);
}

static int save(struct saving *saving)
{
	struct checkpoint_outside *outside = saving->outside;
	const struct checkpoint_subject *subject = outside->subject;
	uint64_t ticket;
	int ret = 0;

	if (subject->ops->prepare)
		ret = subject->ops->prepare(subject->state, &saving->err);
	if (!ret)
		ret = copy(saving, &ticket);
	if (ret)
		return ret;
	atomic_store_explicit(&saving->is_written, true, memory_order_relaxed);
	ret = smudge_checkpointer_wait(outside->checkpointer, ticket,
				       &saving->info, &saving->err);
	saving->is_in_place = !ret;
	saving->total_ns = clock_now_ns() - saving->began_ns;
	return ret ? ret
		   : checkpoint_store_settle(outside->store, &saving->info,
					     &saving->err);
}

static int run(void *opaque)
{
	struct saving *saving = opaque;

	saving->began_ns = clock_now_ns();
	return save(saving);
}

static void show_pages(struct work *work, const char *what, uint64_t all,
		       uint64_t rest)
{
	work_rename(work, what);
	work_show(work, (double)(all - rest) * PAGE_BYTES,
		  (double)all * PAGE_BYTES);
}

/* How much there is to write is known when all is copied. */
static void show(struct saving *saving, struct work *work, uint64_t *all_pages)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	const char *awaited = checkpoint_store_awaited(saving->outside->store);
	bool is_written =
		atomic_load_explicit(&saving->is_written, memory_order_relaxed);

	if (awaited) {
		checkpoint_show_awaited(work, awaited);
		return;
	}
	if (smudge_checkpointer_stats(saving->outside->checkpointer, &stats))
		return;
	if (!is_written) {
		if (stats.copying_pages)
			show_pages(work, "copied", stats.copying_pages,
				   stats.uncopied_pages);
		return;
	}
	if (stats.waiting_pages > *all_pages)
		*all_pages = stats.waiting_pages;
	show_pages(work, "written", *all_pages, stats.waiting_pages);
}

static void wait_for_end(struct saving *saving, struct task *task)
{
	struct smudge_checkpointer *cp = saving->outside->checkpointer;
	bool is_cancelled = false;
	uint64_t all_pages = 0;
	struct work work;

	work_begin(&work, "written", saving->outside->request->is_json);
	while (!task_wait_a_little(task)) {
		show(saving, &work, &all_pages);
		if (!interrupted())
			continue;
		if (!is_cancelled)
			smudge_checkpointer_cancel(cp);
		is_cancelled = true;
		/* also what begins in the store only now */
		checkpoint_store_cancel(saving->outside->store);
	}
	work_end(&work);
}

/* Objects of a series are one per line. */
static int report(const struct saving *saving, struct smudge_error *err)
{
	const struct checkpoint_request *request = saving->outside->request;
	const struct checkpoint_subject *subject = saving->outside->subject;
	size_t flags = request->every_ns ? JSON_COMPACT : JSON_INDENT(2);
	json_t *layer = checkpoint_layer_json(&saving->info,
					      (uint64_t)saving->total_ns);
	int ret = 0;

	if (layer && subject->ops->describe)
		subject->ops->describe(subject->state, layer);
	if (request->is_json)
		ret = print_json(layer, flags, err);
	else
		checkpoint_print_line(layer);
	streams_flush();
	json_decref(layer);
	return ret;
}

int checkpoint_one(struct checkpoint_outside *outside, struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	struct saving saving = {
		.outside = outside,
		.info = {.size = sizeof(saving.info)},
		.err = SMUDGE_ERROR_INIT,
	};
	struct task task;
	int ret, also;

	ret = task_begin(&task, run, &saving);
	if (ret) {
		smudge_error_set(err, ret, NAME, "no thread could be created");
	} else {
		wait_for_end(&saving, &task);
		ret = task_end(&task);
		*err = saving.err;
	}
	if (!saving.is_in_place)
		return ret;
	outside->nlayers++;
	outside->nunsettled += ret != 0;
	outside->is_cut_off = ret == -ECANCELED;
	if (!ret && outside->pruner)
		checkpoint_pruner_begin(outside->pruner);
	also = report(&saving, ret ? &ignored : err);
	return ret ? ret : also;
}
