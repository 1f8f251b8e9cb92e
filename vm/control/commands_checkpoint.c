/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands of checkpoints. They are jobs: x-smudge-checkpoint returns
 * the number of one at once, and query-x-smudge-checkpoints says what became
 * of it. Its units are the library's own: nanoseconds, bytes, pages of 4 KiB.
 */
#include "control/commands.h"

#include "checkpoint/checkpoint.h"
#include "machine/machine.h"

#include "base/host.h"
#include "common/commit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS	UINT64_C(1000000)
#define MAX_DEADLINE_MS 3600000
#define MAX_STORE_MS	(INT64_C(1000) * 3600 * 24 * 365)

static bool get_flag(const json_t *arguments, const char *name)
{
	return json_is_true(json_object_get(arguments, name));
}

static bool get_keep(const json_t *arguments, struct checkpoint_keep *keep,
		     struct qmp_error *err)
{
	const struct {
		const char *name;
		json_int_t max;
		uint64_t *number;
	} numbers[] = {
		{"keep-last", INT64_MAX, &keep->last},
		{"keep-hourly", INT64_MAX, &keep->hourly},
		{"keep-daily", INT64_MAX, &keep->daily},
		{"keep-weekly", INT64_MAX, &keep->weekly},
		{"garbage", 100, &keep->garbage_percent},
	};

	keep->has_garbage = json_object_get(arguments, "garbage");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		json_int_t number = 0;

		if (!control_get_number(arguments, numbers[i].name,
					numbers[i].max, &number, err))
			return false;
		*numbers[i].number = (uint64_t)number;
	}
	return true;
}

/* NULL: there is none. */
static const char *get_text(const json_t *arguments, const char *name)
{
	return json_string_value(json_object_get(arguments, name));
}

json_t *control_checkpoint(struct control_target *target,
			   const json_t *arguments, struct qmp_error *err)
{
	const char *folder =
		json_string_value(json_object_get(arguments, "folder"));
	struct checkpoint_request request = {
		.folder = folder,
		.is_full = get_flag(arguments, "full"),
		.uncompressed = get_flag(arguments, "uncompressed"),
		.look_ahead = get_flag(arguments, "look-ahead"),
		.on_commit = get_text(arguments, "on-commit"),
		.snapshot_qmp = get_text(arguments, "snapshot-qmp"),
		.snapshot_node = get_text(arguments, "snapshot-node"),
	};
	json_int_t deadline_ms = 0, store_ms = 0;
	struct smudge_error why = {0};
	uint64_t id;

	if (folder && (!*folder || strlen(folder) >= PATH_MAX))
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "Parameter 'folder' expects the path of a "
				     "folder");
	if (!control_get_number(arguments, "pause-deadline", MAX_DEADLINE_MS,
				&deadline_ms, err) ||
	    !get_keep(arguments, &request.keep, err))
		return NULL;
	if (!control_get_number(arguments, "store-deadline", MAX_STORE_MS,
				&store_ms, err))
		return NULL;
	if (!request.snapshot_qmp != !request.snapshot_node)
		return qmp_error_set(err, QMP_CLASS_GENERIC,
				     "Parameter 'snapshot-qmp' needs "
				     "'snapshot-node', and the other way "
				     "round");
	request.pause_deadline_ns = (uint64_t)deadline_ms * NS_PER_MS;
	request.store_deadline_ns = (uint64_t)store_ms * NS_PER_MS;
	if (checkpoints_take(target->checkpoints, &request, &id, &why))
		return qmp_error_set(err, QMP_CLASS_GENERIC, "%s", why.message);
	return json_pack("{s:I}", "id", (json_int_t)id);
}

/* 0: there is none. */
static bool get_id(const json_t *arguments, uint64_t *ret_id,
		   struct qmp_error *err)
{
	json_int_t id = 0;

	if (!control_get_number(arguments, "id", INT64_MAX, &id, err))
		return false;
	*ret_id = (uint64_t)id;
	return true;
}

json_t *control_checkpoint_cancel(struct control_target *target,
				  const json_t *arguments,
				  struct qmp_error *err)
{
	struct smudge_error why = {0};
	uint64_t id;

	if (!get_id(arguments, &id, err))
		return NULL;
	if (checkpoints_cancel(target->checkpoints, id, &why))
		return qmp_error_set(err, QMP_CLASS_NOT_ACTIVE, "%s",
				     why.message);
	return json_object();
}

struct named_number {
	const char *name;
	uint64_t value;
};

static void add_numbers(json_t *object, const struct named_number *numbers,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set_new(
			object, numbers[i].name,
			json_integer(numbers[i].value > INT64_MAX
					     ? INT64_MAX
					     : (json_int_t)numbers[i].value));
}

static void add_digest(json_t *object, const struct smudge_digest *digest)
{
	char text[2 * sizeof(digest->bytes) + 1];

	for (size_t i = 0; i < sizeof(digest->bytes); i++)
		sprintf(text + 2 * i, "%02x", digest->bytes[i]);
	json_object_set_new(object, "digest", json_string(text));
}

static void add_layer(json_t *object, const struct smudge_layer_info *layer)
{
	const struct named_number numbers[] = {
		{"layer", layer->number},
		{"pages", layer->pages},
		{"zero-pages", layer->zero_pages},
		{"file-bytes", layer->file_bytes},
		{"memory-bytes", layer->memory_bytes},
		{"pause-ns", layer->pause_ns},
		{"pauses", layer->pauses},
		{"paused-ns", layer->paused_ns},
		{"longest-pause-ns", layer->longest_pause_ns},
		{"harvest-ns", layer->harvest_ns},
		{"copy-ns", layer->copy_ns},
		{"write-ns", layer->write_ns},
		{"time-ns", layer->time_ns},
	};

	json_object_set_new(object, "file", qmp_text(layer->file_name));
	json_object_set_new(object, "full", json_boolean(layer->is_full));
	add_numbers(object, numbers, sizeof(numbers) / sizeof(numbers[0]));
	add_digest(object, &layer->digest);
}

static json_t *job_head(const struct checkpoint_job *job)
{
	return json_pack("{s:I, s:s, s:o}", "id", (json_int_t)job->id, "status",
			 checkpoint_status_name(job->status), "folder",
			 qmp_text(job->folder));
}

json_t *control_checkpoint_event(const struct checkpoint_job *job)
{
	json_t *data = job_head(job);

	if (job->status == CHECKPOINT_COMPLETED)
		json_object_set_new(
			data, "layer",
			json_integer((json_int_t)job->layer.number));
	if (job->status == CHECKPOINT_FAILED)
		json_object_set_new(data, "error-desc",
				    qmp_text(job->error.message));
	return data;
}

static json_t *job_report(const struct checkpoint_job *job,
			  const struct smudge_checkpointer_stats *stats)
{
	json_t *reply = job_head(job);
	const struct named_number copying[] = {
		{"pages", stats->copying_pages},
		{"remaining-pages", stats->uncopied_pages},
	};
	const struct named_number writing[] = {
		{"pages", job->pages},
		{"remaining-pages", stats->waiting_pages},
	};
	const struct named_number total[] = {
		{"total-ns",
		 checkpoint_has_ended(job->status)
			 ? job->total_ns
			 : (uint64_t)(host_now_ns() - job->began_ns)},
	};

	json_object_set_new(reply, "periodic", json_boolean(job->is_periodic));
	add_numbers(reply, total, 1);
	if (job->status == CHECKPOINT_COPYING)
		add_numbers(reply, copying,
			    sizeof(copying) / sizeof(copying[0]));
	if (job->status == CHECKPOINT_WRITING)
		add_numbers(reply, writing,
			    sizeof(writing) / sizeof(writing[0]));
	if (job->status == CHECKPOINT_WRITING && commit_awaited(job->commit))
		json_object_set_new(reply, "waits-for",
				    json_string(commit_awaited(job->commit)));
	if (job->status == CHECKPOINT_COMPLETED)
		add_layer(reply, &job->layer);
	else if (checkpoint_has_ended(job->status))
		json_object_set_new(reply, "error-desc",
				    qmp_text(job->error.message));
	return reply;
}

static json_t *stats_report(const struct smudge_checkpointer_stats *stats)
{
	const struct named_number numbers[] = {
		{"saves", stats->saves},
		{"failed-saves", stats->failed_saves},
		{"layers", stats->layers},
		{"full-layers", stats->full_layers},
		{"copied-pages", stats->copied_pages},
		{"ahead-pages", stats->ahead_pages},
		{"untouched-pages", stats->untouched_pages},
		{"returned-pages", stats->returned_pages},
		{"last-pause-ns", stats->last_pause_ns},
		{"longest-pause-ns", stats->longest_pause_ns},
		{"file-bytes", stats->file_bytes},
		{"pauses", stats->pauses},
		{"paused-ns", stats->paused_ns},
	};
	json_t *reply = json_object();

	add_numbers(reply, numbers, sizeof(numbers) / sizeof(numbers[0]));
	return reply;
}

/* With the checkpoints' lock held. @id: 0: all that are remembered. */
static json_t *jobs_report(struct checkpoints *checkpoints, uint64_t id,
			   const struct smudge_checkpointer_stats *stats)
{
	uint64_t last = id ? id : checkpoints_last_id(checkpoints);
	uint64_t first = id ? id : 1;
	json_t *jobs = json_array();

	if (last - first >= CHECKPOINT_HISTORY && last > first)
		first = last - CHECKPOINT_HISTORY + 1;
	for (uint64_t i = first; i <= last; i++) {
		const struct checkpoint_job *job =
			checkpoints_find(checkpoints, i);

		if (job)
			json_array_append_new(jobs, job_report(job, stats));
	}
	return jobs;
}

json_t *control_query_checkpoints(struct control_target *target,
				  const json_t *arguments,
				  struct qmp_error *err)
{
	struct checkpoints *checkpoints = target->checkpoints;
	struct smudge_checkpointer_stats stats;
	json_t *reply;
	uint64_t id;

	if (!get_id(arguments, &id, err))
		return NULL;
	checkpoints_stats(checkpoints, &stats);
	checkpoints_lock(checkpoints);
	reply = json_pack("{s:o, s:o}", "checkpoints",
			  jobs_report(checkpoints, id, &stats), "stats",
			  stats_report(&stats));
	if (checkpoints_folder(checkpoints))
		json_object_set_new(reply, "folder",
				    qmp_text(checkpoints_folder(checkpoints)));
	checkpoints_unlock(checkpoints);
	return reply;
}
