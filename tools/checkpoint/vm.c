/* SPDX-License-Identifier: MIT */
/*
 * The job of smudge-vm.
 *
 * The VM opens the folder, so the path that it is given must not depend on
 * where this program was started.
 */
#include "checkpoint/vm.h"

#include <smudge/error.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/report.h"
#include "clock.h"
#include "common/clock.h"
#include "common/nbd_uri.h"
#include "print_json.h"
#include "qmp_client.h"
#include "work.h"

#define NAME	   "checkpoint"
#define POLL_MS	   20
#define PAGE_BYTES 4096.0

/* Return: 0, or -errno with one sentence. */
static int set_folder(const char *folder, json_t *arguments,
		      struct smudge_error *err)
{
	bool is_uri = nbd_uri_is(folder);
	char here[PATH_MAX] = "";
	char path[2 * PATH_MAX];
	const char *between;

	if (!is_uri && folder[0] != '/' && !getcwd(here, sizeof(here)))
		return smudge_error_set(err, -errno, NAME,
					"cannot find out where this is: %s",
					strerror(errno));
	between = here[0] && strcmp(here, "/") != 0 ? "/" : "";
	snprintf(path, sizeof(path), "%s%s%s", here, between, folder);
	if (json_object_set_new(arguments, "folder", json_string(path)))
		return smudge_error_set(err, -EINVAL, NAME,
					"the folder's path is not UTF-8, as "
					"QMP needs it");
	return 0;
}

static void set_flag(json_t *arguments, const char *name, bool is_set)
{
	if (is_set)
		json_object_set_new(arguments, name, json_true());
}

static void set_keep(const struct keep *keep, json_t *arguments)
{
	const struct {
		const char *name;
		uint64_t number;
		bool is_set;
	} numbers[] = {
		{"keep-last", keep->last, keep->last},
		{"keep-hourly", keep->hourly, keep->hourly},
		{"keep-daily", keep->daily, keep->daily},
		{"keep-weekly", keep->weekly, keep->weekly},
		{"garbage", keep->garbage_percent, keep->has_garbage},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].is_set)
			json_object_set_new(
				arguments, numbers[i].name,
				json_integer((json_int_t)numbers[i].number));
}

/* The VM runs them, and its working directory may be another one. */
static void set_store(const struct checkpoint_request *request,
		      json_t *arguments)
{
	if (request->on_commit)
		json_object_set_new(arguments, "on-commit",
				    json_string(request->on_commit));
	if (request->snapshot_qmp)
		json_object_set_new(arguments, "snapshot-qmp",
				    json_string(request->snapshot_qmp));
	if (request->snapshot_node)
		json_object_set_new(arguments, "snapshot-node",
				    json_string(request->snapshot_node));
	if (request->store_deadline_ns)
		json_object_set_new(
			arguments, "store-deadline",
			json_integer((json_int_t)(request->store_deadline_ns /
						  CLOCK_NS_PER_MS)));
}

static int set_arguments(const struct checkpoint_request *request,
			 json_t *arguments, struct smudge_error *err)
{
	set_flag(arguments, "full", request->is_full);
	set_flag(arguments, "uncompressed", request->is_uncompressed);
	set_flag(arguments, "look-ahead", request->look_ahead);
	if (request->pause_deadline_ms)
		json_object_set_new(
			arguments, "pause-deadline",
			json_integer((json_int_t)request->pause_deadline_ms));
	set_keep(&request->keep, arguments);
	set_store(request, arguments);
	return set_folder(request->folder, arguments, err);
}

static int start(struct qmp_client *client,
		 const struct checkpoint_request *request, json_int_t *ret_id,
		 struct smudge_error *err)
{
	json_t *arguments = json_object();
	json_t *reply = NULL;
	int ret = set_arguments(request, arguments, err);

	if (ret) {
		json_decref(arguments);
		return ret;
	}
	ret = qmp_client_run(client, "x-smudge-checkpoint", arguments, &reply,
			     err);
	if (ret)
		return ret;
	*ret_id = json_integer_value(json_object_get(reply, "id"));
	json_decref(reply);
	return 0;
}

/* The job with this number: a new reference. */
static int ask(struct qmp_client *client, json_int_t id, json_t **ret_job,
	       struct smudge_error *err)
{
	json_t *reply = NULL;
	json_t *job;
	int ret = qmp_client_run(client, "query-x-smudge-checkpoints",
				 json_pack("{s:I}", "id", id), &reply, err);

	if (ret)
		return ret;
	job = json_array_get(json_object_get(reply, "checkpoints"), 0);
	*ret_job = json_incref(job);
	json_decref(reply);
	if (job)
		return 0;
	return smudge_error_set(err, -EPROTO, NAME,
				"the VM does not remember this checkpoint any "
				"more; smudge layers list says whether its "
				"layer is there");
}

/* 1 while it is under way, 0 if it completed, or -errno. */
static int outcome(const json_t *job, struct smudge_error *err)
{
	const char *status = checkpoint_word(job, "status");

	if (strcmp(status, "completed") == 0)
		return 0;
	if (strcmp(status, "failed") == 0)
		return smudge_error_set(err, -EREMOTEIO, NAME,
					"the checkpoint failed: %s",
					checkpoint_word(job, "error-desc"));
	if (strcmp(status, "cancelled") == 0)
		return smudge_error_set(err, -ECANCELED, NAME,
					"the checkpoint was cancelled");
	return 1;
}

static void show(struct work *work, const json_t *job)
{
	double pages = checkpoint_number(job, "pages");
	double rest = checkpoint_number(job, "remaining-pages");
	const char *status = checkpoint_word(job, "status");
	const char *awaited =
		json_string_value(json_object_get(job, "waits-for"));

	if (awaited) {
		checkpoint_show_awaited(work, awaited);
		return;
	}
	/* what is to be copied is known after the harvest */
	if (strcmp(status, "copying") == 0 && pages > 0)
		work_rename(work, "copied");
	else if (strcmp(status, "writing") == 0)
		work_rename(work, "written");
	else
		return;
	work_show(work, (pages - rest) * PAGE_BYTES, pages * PAGE_BYTES);
}

/* That it has ended meanwhile is no failure: its own end is awaited. */
static void cancel(struct qmp_client *client, json_int_t id)
{
	struct smudge_error ignored = {0};

	qmp_client_run(client, "x-smudge-checkpoint-cancel",
		       json_pack("{s:I}", "id", id), NULL, &ignored);
}

static int wait_for_end(struct qmp_client *client, json_int_t id,
			struct work *work, json_t **ret_job,
			struct smudge_error *err)
{
	bool is_cancelled = false;

	for (;;) {
		int ret = ask(client, id, ret_job, err);

		if (ret)
			return ret;
		ret = outcome(*ret_job, err);
		if (!ret)
			return 0;
		if (ret == 1)
			show(work, *ret_job);
		json_decref(*ret_job);
		*ret_job = NULL;
		if (ret < 0)
			return ret;
		if (interrupted() && !is_cancelled) {
			cancel(client, id);
			is_cancelled = true;
		}
		clock_sleep_ms(POLL_MS);
	}
}

int checkpoint_vm(const struct checkpoint_request *request,
		  struct smudge_error *err)
{
	struct qmp_client *client = NULL;
	json_t *job = NULL;
	struct work work;
	json_int_t id = 0;
	int ret = qmp_client_open(request->qmp, 0, &client, err);

	work_begin(&work, "written", request->is_json);
	if (!ret)
		ret = start(client, request, &id, err);
	if (!ret)
		ret = wait_for_end(client, id, &work, &job, err);
	qmp_client_close(client);
	work_end(&work);
	if (!ret && request->is_json)
		ret = print_json(job, JSON_INDENT(2), err);
	else if (!ret)
		checkpoint_print_line(job);
	json_decref(job);
	return ret;
}
