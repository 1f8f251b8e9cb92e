/* SPDX-License-Identifier: MIT */
/*
 * smudge migrate: start a migration through the source's control socket,
 * show its progress, and say how it ended.
 */
#include "commands.h"

#include "clock.h"
#include "guest_place.h"
#include "number.h"
#include "options.h"
#include "print_json.h"
#include "progress.h"
#include "progress_line.h"
#include "qmp_client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help_text[] =
	"usage: smudge migrate --qmp SOCKET [OPTION]... URI\n"
	"\n"
	"Migrates the guest of the VM behind SOCKET to URI, tcp:HOST:PORT or\n"
	"unix:PATH, and waits for the end. Ctrl-C cancels the migration.\n"
	"\n"
	"  --qmp SOCKET          the source's control socket\n"
	"  --max-bandwidth N     bytes per second while the guest runs, also "
	"with K, M, G\n"
	"                        or T; 0: no limit\n"
	"  --downtime-limit MS   milliseconds the guest may be stopped\n"
	"  --json                no progress; the last query-migrate on "
	"stdout\n"
	"  --help                this text\n";

#define NAME "migrate"

struct request {
	const char *socket;
	const char *uri;
	bool has_bandwidth, has_downtime;
	uint64_t bandwidth_bytes_ps;
	uint64_t downtime_ms;
	bool json;
};

/* NULL: none was given. */
static json_t *limits(const struct request *request)
{
	json_t *object = NULL;

	if (request->has_bandwidth || request->has_downtime)
		object = json_object();
	if (request->has_bandwidth)
		json_object_set_new(
			object, "max-bandwidth",
			json_integer((json_int_t)request->bandwidth_bytes_ps));
	if (request->has_downtime)
		json_object_set_new(
			object, "downtime-limit",
			json_integer((json_int_t)request->downtime_ms));
	return object;
}

static int start(struct qmp_client *client, const struct request *request,
		 struct smudge_error *err)
{
	json_t *parameters = limits(request);
	int ret = 0;

	if (parameters)
		ret = qmp_client_run(client, "migrate-set-parameters",
				     parameters, NULL, err);
	if (!ret)
		ret = qmp_client_run(client, "migrate",
				     json_pack("{s:s}", "uri", request->uri),
				     NULL, err);
	return ret;
}

static int print_end(const struct request *request, const json_t *reply,
		     struct smudge_error *err)
{
	if (request->json)
		return print_json(reply, JSON_INDENT(2), err);
	printf("completed: %.0f rounds, %.1f MiB, %.0f ms, downtime %.0f ms\n",
	       progress_number(reply, "ram", "dirty-sync-count"),
	       progress_number(reply, "ram", "transferred") / 1048576.0,
	       progress_number(reply, NULL, "total-time"),
	       progress_number(reply, NULL, "downtime"));
	return 0;
}

/* Print the error, and where the guest is if the migration had begun. */
static int failed(const struct request *request, struct smudge_error *err,
		  bool is_started)
{
	char place[128] = "";

	if (is_started)
		guest_place_say(request->socket, place, sizeof(place));
	fprintf(stderr, "smudge: %s%s\n", err->message, place);
	return TOOL_FAILED;
}

static int run(const struct request *request)
{
	struct qmp_client *client = NULL;
	struct smudge_error err = {0};
	json_t *reply = NULL;
	bool is_started;
	int ret;

	interrupt_watch();
	ret = qmp_client_open(request->socket, 0, &client, &err);
	if (!ret)
		ret = start(client, request, &err);
	/* without a reply the migration may have begun */
	is_started = client && ret != -EREMOTEIO;
	if (!ret)
		ret = progress_watch(client, request->json, &reply, &err);
	qmp_client_close(client);
	if (ret)
		return failed(request, &err, is_started);
	ret = print_end(request, reply, &err);
	json_decref(reply);
	return ret ? tool_failed(&err) : TOOL_OK;
}

/* The VM checks it too; this finds typing errors before any command is sent. */
static int check_uri(const char *uri)
{
	const char *colon = strrchr(uri, ':');
	uint64_t number;

	if (!strncmp(uri, "unix:", 5) && uri[5])
		return TOOL_OK;
	if (!strncmp(uri, "tcp:", 4) && colon >= uri + 4 &&
	    number_parse(colon + 1, 65535, &number))
		return TOOL_OK;
	return tool_usage(NAME,
			  "the URI is tcp:HOST:PORT or unix:PATH, not '%.60s'",
			  uri);
}

static int parse(int argc, char *argv[], struct request *request)
{
	const struct tool_option options[] = {
		{"qmp", .text = &request->socket},
		{"max-bandwidth", .flag = &request->has_bandwidth,
		 .number = &request->bandwidth_bytes_ps, TOOL_BYTES},
		{"downtime-limit", .flag = &request->has_downtime,
		 .number = &request->downtime_ms, .max = INT64_MAX,
		 .takes = "a number of milliseconds"},
		{"json", .flag = &request->json},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status != TOOL_OK)
		return status;
	if (!request->socket)
		return tool_usage(NAME, "--qmp SOCKET is missing");
	if (optind == argc)
		return tool_usage(NAME, "the URI is missing");
	if (argc - optind > 1)
		return tool_usage(NAME, "'%s' is too much", argv[optind + 1]);
	request->uri = argv[optind];
	return check_uri(request->uri);
}

int command_migrate(int argc, char *argv[])
{
	struct request request = {.socket = NULL};
	int status = parse(argc, argv, &request);

	return status == TOOL_OK ? run(&request) : status;
}
