/* SPDX-License-Identifier: MIT */
/*
 * smudge migrate: start a migration through the source's control socket,
 * show its progress, and say how it ended.
 */
#include "commands.h"

#include "clock.h"
#include "guest_place.h"
#include "number.h"
#include "print_json.h"
#include "progress.h"
#include "qmp_client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
	"usage: smudge migrate --qmp SOCKET [OPTION]... URI\n"
	"\n"
	"Migrates the guest of the VM behind SOCKET to URI, tcp:HOST:PORT or\n"
	"unix:PATH, and waits for the end. Ctrl-C cancels the migration.\n"
	"\n"
	"  --qmp SOCKET          the source's control socket\n"
	"  --max-bandwidth N     bytes per second while the guest runs; 0: no "
	"limit\n"
	"  --downtime-limit MS   milliseconds the guest may be stopped\n"
	"  --json                no progress; the last query-migrate on "
	"stdout\n"
	"  --help                this text\n";

struct request {
	const char *socket;
	const char *uri;
	json_t *limits;
	bool json;
};

static int add_limit(json_t *limits, const char *name, const char *text)
{
	uint64_t value;

	if (!number_parse(text, INT64_MAX, &value))
		return tool_usage("migrate: --%s wants a number, not '%s'",
				  name, text);
	json_object_set_new(limits, name, json_integer((json_int_t)value));
	return TOOL_OK;
}

static int start(struct qmp_client *client, const struct request *request,
		 struct smudge_error *err)
{
	int ret = 0;

	if (json_object_size(request->limits))
		ret = qmp_client_run(client, "migrate-set-parameters",
				     json_incref(request->limits), NULL, err);
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
	return tool_usage("migrate: the URI is tcp:HOST:PORT or unix:PATH, not "
			  "'%.60s'",
			  uri);
}

static int parse(int argc, char *argv[], struct request *request)
{
	static const struct option options[] = {
		{"qmp", required_argument, NULL, 'q'},
		{"max-bandwidth", required_argument, NULL, 'b'},
		{"downtime-limit", required_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int status = TOOL_OK;
	int c;

	opterr = 0;
	while (status == TOOL_OK &&
	       (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'q')
			request->socket = optarg;
		else if (c == 'j')
			request->json = true;
		else if (c == 'b')
			status = add_limit(request->limits, "max-bandwidth",
					   optarg);
		else if (c == 'd')
			status = add_limit(request->limits, "downtime-limit",
					   optarg);
		else
			status = tool_usage("migrate: wrong option '%s'",
					    argv[optind - 1]);
	}
	if (status != TOOL_OK)
		return status;
	if (!request->socket)
		return tool_usage("migrate: --qmp SOCKET is missing");
	if (argc - optind != 1)
		return tool_usage("migrate wants one URI");
	request->uri = argv[optind];
	return check_uri(request->uri);
}

int command_migrate(int argc, char *argv[])
{
	struct request request = {.limits = json_object()};
	int status;

	if (argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		json_decref(request.limits);
		fputs(help_text, stdout);
		return TOOL_OK;
	}
	status = parse(argc, argv, &request);
	if (status == TOOL_OK)
		status = run(&request);
	json_decref(request.limits);
	return status;
}
