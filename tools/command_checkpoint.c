/* SPDX-License-Identifier: MIT */
/*
 * smudge checkpoint: have a running VM save a layer, and say how it ended.
 *
 * The VM opens the folder, so the path that it is given must not depend on
 * where this program was started.
 */
#include "commands.h"

#include "clock.h"
#include "number.h"
#include "print_json.h"
#include "progress_line.h"
#include "qmp_client.h"
#include "text.h"
#include "work.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help_text[] =
	"usage: smudge checkpoint --qmp SOCKET --to FOLDER [OPTION]...\n"
	"\n"
	"Saves the guest of the VM behind SOCKET as the next layer of FOLDER, "
	"and waits\n"
	"until it is in place. The guest is paused while what it wrote since "
	"the layer\n"
	"before is copied. Ctrl-C cancels it.\n"
	"\n"
	"  --qmp SOCKET         the VM's control socket\n"
	"  --to FOLDER          made if it is missing; the VM must be able to "
	"write it\n"
	"  --full               all memory, not only what was written\n"
	"  --uncompressed       store pages as they are\n"
	"  --look-ahead         copy before the pause too: a shorter pause, "
	"more work\n"
	"  --pause-deadline MS  let the guest run after so many milliseconds, "
	"and fail\n"
	"  --json               no progress; the checkpoint as one object\n"
	"  --help               this text\n"
	"\n"
	"Exit status: 0 when the layer is in place, otherwise 1; 2 for a wrong "
	"command\n"
	"line.\n";

#define NAME		"checkpoint"
#define POLL_MS		20
#define PAGE_BYTES	4096.0
#define MAX_DEADLINE_MS 3600000

struct request {
	bool is_help;
	bool is_json;
	const char *socket;
	const char *folder;
	json_t *arguments;
};

static double number(const json_t *job, const char *name)
{
	return progress_number(job, NULL, name);
}

static const char *word(const json_t *job, const char *name)
{
	const char *text = json_string_value(json_object_get(job, name));

	return text ? text : "";
}

/* Return: 0, or -errno with one sentence. */
static int set_folder(const struct request *request, struct smudge_error *err)
{
	char here[PATH_MAX] = "";
	char path[2 * PATH_MAX];
	const char *between;

	if (request->folder[0] != '/' && !getcwd(here, sizeof(here)))
		return smudge_error_set(err, -errno, NAME,
					"cannot find out where this is: %s",
					strerror(errno));
	between = here[0] && strcmp(here, "/") != 0 ? "/" : "";
	snprintf(path, sizeof(path), "%s%s%s", here, between, request->folder);
	if (json_object_set_new(request->arguments, "folder",
				json_string(path)))
		return smudge_error_set(err, -EINVAL, NAME,
					"the folder's path is not UTF-8, as "
					"QMP needs it");
	return 0;
}

static int start(struct qmp_client *client, const struct request *request,
		 json_int_t *ret_id, struct smudge_error *err)
{
	json_t *reply = NULL;
	int ret = qmp_client_run(client, "x-smudge-checkpoint",
				 json_incref(request->arguments), &reply, err);

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
	const char *status = word(job, "status");

	if (strcmp(status, "completed") == 0)
		return 0;
	if (strcmp(status, "failed") == 0)
		return smudge_error_set(err, -EREMOTEIO, NAME,
					"the checkpoint failed: %s",
					word(job, "error-desc"));
	if (strcmp(status, "cancelled") == 0)
		return smudge_error_set(err, -ECANCELED, NAME,
					"the checkpoint was cancelled");
	return 1;
}

static void show(struct work *work, const json_t *job)
{
	double pages = number(job, "pages");

	if (strcmp(word(job, "status"), "writing") == 0)
		work_show(work,
			  (pages - number(job, "remaining-pages")) * PAGE_BYTES,
			  pages * PAGE_BYTES);
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

static int print_end(const struct request *request, const json_t *job,
		     struct smudge_error *err)
{
	char pages[TEXT_BYTES], bytes[TEXT_BYTES];
	char pause[TEXT_BYTES], total[TEXT_BYTES];

	if (request->is_json)
		return print_json(job, JSON_INDENT(2), err);
	text_count(pages, number(job, "pages"), 20);
	text_bytes(bytes, number(job, "file-bytes"));
	text_time(pause, number(job, "pause-ns"));
	text_time(total, number(job, "total-ns"));
	printf("%s: %s, %s pages, %s, pause %s, in place after %s\n",
	       word(job, "file"),
	       json_is_true(json_object_get(job, "full")) ? "full" : "delta",
	       pages, bytes, pause, total);
	return 0;
}

static int run(const struct request *request)
{
	struct qmp_client *client = NULL;
	struct smudge_error err = {0};
	json_t *job = NULL;
	struct work work;
	json_int_t id = 0;
	int ret;

	interrupt_watch();
	work_begin(&work, "written", request->is_json);
	ret = set_folder(request, &err);
	if (!ret)
		ret = qmp_client_open(request->socket, 0, &client, &err);
	if (!ret)
		ret = start(client, request, &id, &err);
	if (!ret)
		ret = wait_for_end(client, id, &work, &job, &err);
	qmp_client_close(client);
	work_end(&work);
	if (!ret)
		ret = print_end(request, job, &err);
	json_decref(job);
	return ret ? tool_failed(&err) : TOOL_OK;
}

static int take_deadline(json_t *arguments)
{
	uint64_t ms;

	if (!number_parse(optarg, MAX_DEADLINE_MS, &ms) || !ms)
		return tool_usage(NAME,
				  "--pause-deadline takes a number of "
				  "milliseconds from 1 on, not '%.40s'",
				  optarg);
	json_object_set_new(arguments, "pause-deadline",
			    json_integer((json_int_t)ms));
	return TOOL_OK;
}

static int take_flag(json_t *arguments, const char *name)
{
	json_object_set_new(arguments, name, json_true());
	return TOOL_OK;
}

static int take_option(int code, struct request *request)
{
	switch (code) {
	case 'q':
		request->socket = optarg;
		return TOOL_OK;
	case 't':
		request->folder = optarg;
		return TOOL_OK;
	case 'f':
		return take_flag(request->arguments, "full");
	case 'u':
		return take_flag(request->arguments, "uncompressed");
	case 'l':
		return take_flag(request->arguments, "look-ahead");
	case 'd':
		return take_deadline(request->arguments);
	case 'j':
		request->is_json = true;
		return TOOL_OK;
	case TOOL_OPTION_HELP:
		request->is_help = true;
		return TOOL_OK;
	default:
		return TOOL_USAGE;
	}
}

static int parse(int argc, char *argv[], struct request *request)
{
	static const struct option known[] = {
		{"qmp", required_argument, NULL, 'q'},
		{"to", required_argument, NULL, 't'},
		{"full", no_argument, NULL, 'f'},
		{"uncompressed", no_argument, NULL, 'u'},
		{"look-ahead", no_argument, NULL, 'l'},
		{"pause-deadline", required_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, TOOL_OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int status = TOOL_OK;
	int code;

	while (status == TOOL_OK &&
	       (code = tool_option(argc, argv, known)) != TOOL_OPTION_NONE)
		status = take_option(code, request);
	if (status != TOOL_OK || request->is_help)
		return status;
	if (!request->socket)
		return tool_usage(NAME, "--qmp SOCKET is missing");
	if (!request->folder || !*request->folder)
		return tool_usage(NAME, "--to FOLDER is missing");
	if (optind < argc)
		return tool_usage(NAME, "'%.40s' is too much", argv[optind]);
	return TOOL_OK;
}

int command_checkpoint(int argc, char *argv[])
{
	struct request request = {.arguments = json_object()};
	int status = parse(argc, argv, &request);

	if (status == TOOL_OK && request.is_help)
		fputs(help_text, stdout);
	else if (status == TOOL_OK)
		status = run(&request);
	json_decref(request.arguments);
	return status;
}
