/* SPDX-License-Identifier: MIT */
/*
 * smudge rate: how fast a running process, or guest, writes its memory.
 */
#include "commands.h"

#include "clock.h"
#include "number.h"
#include "rate/qmp.h"
#include "rate/session.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help_text[] =
	"usage: smudge rate PID [OPTION]...\n"
	"       smudge rate --qmp SOCKET [OPTION]...\n"
	"\n"
	"Says how fast a running process writes its memory: pages and bytes "
	"per second,\n"
	"the unique pages of 0.1, 0.5, 1 and 5 seconds, and which mappings "
	"are written.\n"
	"Ctrl-C ends it with a summary.\n"
	"\n"
	"  --pid PID         the process, where --qmp's socket is held by "
	"another one\n"
	"  --qmp SOCKET      the machine monitor behind SOCKET; only its "
	"guest's RAM\n"
	"  --guest           of the process only what looks like a guest's "
	"RAM\n"
	"  --map PATTERN     only mappings whose names match, as in a shell: "
	"'*/lib*'\n"
	"  --children        its descendants too\n"
	"  --method METHOD   auto, uffd, soft-dirty, beside or sample\n"
	"  --samples N       pages in a sample (2048)\n"
	"  --interval S      seconds per report, in tenths (1)\n"
	"  --duration S      end after so many seconds\n"
	"  --count N         end after so many intervals\n"
	"  --bandwidth N     at the end, a forecast of a live migration whose "
	"rounds send\n"
	"                    so many bytes per second, also with K, M, G or T\n"
	"  --line-bandwidth N  what its last round can send (the same)\n"
	"  --downtime MS     how long its guest may be stopped (300)\n"
	"  --json            one JSON object per interval and line, and the "
	"summary\n"
	"  --svg FILE        at the end, a heat map of address over time\n"
	"  --help            this text\n"
	"\n"
	"Exit status: 0 if an interval was measured, otherwise 1; 2 for a "
	"wrong command\n"
	"line.\n";

#define NAME "rate"

#define DEFAULT_SAMPLES	    2048
#define DEFAULT_DOWNTIME_MS 300
#define MAX_DOWNTIME_MS	    2000000 /* as migrate-set-parameters */
#define MAX_SAMPLES	    (UINT64_C(1) << 20)
#define MAX_TICKS	    (UINT64_C(10) * 3600 * 24 * 365)

struct request {
	bool is_help;
	bool has_downtime;
	const char *socket;
	struct rate_session_options options;
};

static int take_ticks(const char *option, uint64_t *ret_ticks)
{
	/* a tick is a tenth of a second */
	if (number_parse_tenths(optarg, MAX_TICKS / RATE_TICKS_PER_S,
				ret_ticks))
		return TOOL_OK;
	return tool_usage(NAME,
			  "%s takes seconds, 0.1 at least and with at most one "
			  "digit behind the point, not '%.40s'",
			  option, optarg);
}

static int take_number(const char *option, uint64_t max, uint64_t *ret_number)
{
	if (number_parse(optarg, max, ret_number) && *ret_number)
		return TOOL_OK;
	return tool_usage(NAME, "%s takes a number from 1 on, not '%.40s'",
			  option, optarg);
}

static int take_pid(const char *text, struct request *request)
{
	uint64_t pid;

	if (!number_parse(text, INT_MAX, &pid) || !pid)
		return tool_usage(NAME, "'%.40s' is no number of a process",
				  text);
	if (request->options.request.pid)
		return tool_usage(NAME, "'%.40s' is too much", text);
	request->options.request.pid = (pid_t)pid;
	return TOOL_OK;
}

static int take_method(struct request *request)
{
	static const struct {
		const char *name;
		int method;
	} methods[] = {{"auto", RATE_WISH_AUTO},
		       {"uffd", RATE_UFFD},
		       {"soft-dirty", RATE_SOFT_DIRTY},
		       {"sample", RATE_SAMPLE},
		       {"beside", RATE_BESIDE}};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(optarg, methods[i].name) != 0)
			continue;
		request->options.request.method = methods[i].method;
		return TOOL_OK;
	}
	return tool_usage(NAME, "there is no method '%.40s'", optarg);
}

static int take_bandwidth(const char *option, uint64_t *ret_bytes_ps)
{
	if (number_parse_bytes(optarg, INT64_MAX, ret_bytes_ps) &&
	    *ret_bytes_ps)
		return TOOL_OK;
	return tool_usage(NAME,
			  "%s takes a number of bytes, from 1 on, or one with "
			  "K, M, G or T, not '%.40s'",
			  option, optarg);
}

static int take_downtime(struct request *request)
{
	request->has_downtime = true;
	if (number_parse(optarg, MAX_DOWNTIME_MS,
			 &request->options.forecast.downtime_ms))
		return TOOL_OK;
	return tool_usage(NAME,
			  "--downtime takes a number of milliseconds, not "
			  "'%.40s'",
			  optarg);
}

static int take_value(int code, struct request *request)
{
	struct rate_session_options *options = &request->options;

	switch (code) {
	case 'p':
		return take_pid(optarg, request);
	case 'm':
		return take_method(request);
	case 'n':
		return take_number("--samples", MAX_SAMPLES,
				   &options->request.nsamples);
	case 'c':
		return take_number("--count", MAX_TICKS, &options->intervals);
	case 'i':
		return take_ticks("--interval", &options->interval_ticks);
	case 'b':
		return take_bandwidth("--bandwidth",
				      &options->forecast.bandwidth_bytes_ps);
	case 'l':
		return take_bandwidth("--line-bandwidth",
				      &options->forecast.line_bytes_ps);
	case 't':
		return take_downtime(request);
	case 'd':
		return take_ticks("--duration", &options->duration_ticks);
	default:
		return TOOL_USAGE;
	}
}

static int take_option(int code, struct request *request)
{
	struct rate_session_options *options = &request->options;

	switch (code) {
	case 'q':
		request->socket = optarg;
		return TOOL_OK;
	case 'g':
		options->request.select.is_guest_ram = true;
		return TOOL_OK;
	case 'M':
		/* a mapping without a name is shown so */
		options->request.select.pattern =
			strcmp(optarg, "[anon]") == 0 ? "" : optarg;
		return TOOL_OK;
	case 'C':
		options->request.has_children = true;
		return TOOL_OK;
	case 'j':
		options->is_json = true;
		return TOOL_OK;
	case 's':
		options->svg = optarg;
		options->request.has_heat = true;
		return TOOL_OK;
	case TOOL_OPTION_HELP:
		request->is_help = true;
		return TOOL_OK;
	default:
		return take_value(code, request);
	}
}

static int check(struct request *request)
{
	const struct rate_session_options *options = &request->options;
	struct rate_request *asked = &request->options.request;

	if (!asked->pid && !request->socket)
		return tool_usage(NAME, "PID or --qmp SOCKET is missing");
	if (request->socket)
		asked->select.is_guest_ram = true;
	if (asked->select.pattern && asked->select.is_guest_ram)
		return tool_usage(NAME, "--map and a guest's RAM exclude each "
					"other");
	if (!options->forecast.bandwidth_bytes_ps &&
	    (options->forecast.line_bytes_ps || request->has_downtime))
		return tool_usage(NAME, "a forecast needs --bandwidth");
	if (options->duration_ticks &&
	    options->duration_ticks < options->interval_ticks)
		return tool_usage(NAME, "the duration is shorter than the "
					"interval");
	return TOOL_OK;
}

static int parse(int argc, char *argv[], struct request *request)
{
	static const struct option known[] = {
		{"pid", required_argument, NULL, 'p'},
		{"qmp", required_argument, NULL, 'q'},
		{"guest", no_argument, NULL, 'g'},
		{"map", required_argument, NULL, 'M'},
		{"children", no_argument, NULL, 'C'},
		{"method", required_argument, NULL, 'm'},
		{"samples", required_argument, NULL, 'n'},
		{"interval", required_argument, NULL, 'i'},
		{"duration", required_argument, NULL, 'd'},
		{"count", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"svg", required_argument, NULL, 's'},
		{"bandwidth", required_argument, NULL, 'b'},
		{"line-bandwidth", required_argument, NULL, 'l'},
		{"downtime", required_argument, NULL, 't'},
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
	for (; optind < argc && status == TOOL_OK; optind++)
		status = take_pid(argv[optind], request);
	return status == TOOL_OK ? check(request) : status;
}

/* What would be found only at the end. */
static int check_svg(const char *path, struct smudge_error *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s",
			 slash == path ? 1 : (int)(slash - path), path);
	if (access(folder, X_OK) == 0)
		return 0;
	return smudge_error_set(err, -errno, NAME,
				"%.100s cannot be written: %s", path,
				strerror(errno));
}

static int run(struct request *request)
{
	struct rate_request *asked = &request->options.request;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	pid_t pid = 0;
	int ret = 0;

	interrupt_watch();
	if (request->options.svg)
		ret = check_svg(request->options.svg, &err);
	if (!ret && request->socket)
		ret = rate_qmp_ask(request->socket, &pid, asked->name, &err);
	if (!asked->pid)
		asked->pid = pid;
	if (!ret)
		ret = rate_session(&request->options, &err);
	return ret ? tool_failed(&err) : TOOL_OK;
}

int command_rate(int argc, char *argv[])
{
	struct request request = {
		.options = {.request = {.method = RATE_WISH_AUTO,
					.nsamples = DEFAULT_SAMPLES},
			    .interval_ticks = RATE_TICKS_PER_S,
			    .forecast = {.downtime_ms = DEFAULT_DOWNTIME_MS}},
	};
	int status = parse(argc, argv, &request);

	if (status != TOOL_OK)
		return status;
	if (request.is_help)
		return fputs(help_text, stdout), TOOL_OK;
	return run(&request);
}
