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
#include "progress_line.h"
#include "qmp_client.h"

#include <errno.h>
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
	"  --max-bandwidth N     bytes per second while the guest runs, also "
	"with K, M, G\n"
	"                        or T; 0: no limit\n"
	"  --downtime-limit MS   milliseconds the guest may be stopped\n"
	"  --json                no progress; the last query-migrate on "
	"stdout\n"
	"  --help                this text\n";

#define NAME "migrate"

struct request {
	bool is_help;
	const char *socket;
	const char *uri;
	json_t *limits;
	bool json;
};

static int add_bandwidth(json_t *limits, const char *text)
{
	uint64_t bytes_ps;

	if (!number_parse_bytes(text, INT64_MAX, &bytes_ps))
		return tool_usage(NAME,
				  "--max-bandwidth takes a number of bytes or "
				  "one with K, M, G or T, not '%.40s'",
				  text);
	json_object_set_new(limits, "max-bandwidth",
			    json_integer((json_int_t)bytes_ps));
	return TOOL_OK;
}

static int add_downtime(json_t *limits, const char *text)
{
	uint64_t ms;

	if (!number_parse(text, INT64_MAX, &ms))
		return tool_usage(NAME,
				  "--downtime-limit takes a number of "
				  "milliseconds, not '%.40s'",
				  text);
	json_object_set_new(limits, "downtime-limit",
			    json_integer((json_int_t)ms));
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
	return tool_usage(NAME,
			  "the URI is tcp:HOST:PORT or unix:PATH, not '%.60s'",
			  uri);
}

static int take_option(int code, struct request *request)
{
	switch (code) {
	case 'q':
		request->socket = optarg;
		return TOOL_OK;
	case 'j':
		request->json = true;
		return TOOL_OK;
	case 'b':
		return add_bandwidth(request->limits, optarg);
	case 'd':
		return add_downtime(request->limits, optarg);
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
		{"max-bandwidth", required_argument, NULL, 'b'},
		{"downtime-limit", required_argument, NULL, 'd'},
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
	if (optind == argc)
		return tool_usage(NAME, "the URI is missing");
	if (argc - optind > 1)
		return tool_usage(NAME, "'%s' is too much", argv[optind + 1]);
	request->uri = argv[optind];
	return check_uri(request->uri);
}

int command_migrate(int argc, char *argv[])
{
	struct request request = {.limits = json_object()};
	int status = parse(argc, argv, &request);

	if (status == TOOL_OK && request.is_help)
		fputs(help_text, stdout);
	else if (status == TOOL_OK)
		status = run(&request);
	json_decref(request.limits);
	return status;
}
