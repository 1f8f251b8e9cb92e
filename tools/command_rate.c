/* SPDX-License-Identifier: MIT */
/*
 * smudge rate: how fast a running process, or guest, writes its memory.
 */
#include "commands.h"

#include "clock.h"
#include "number.h"
#include "options.h"
#include "rate/qmp.h"
#include "rate/session.h"

#include <errno.h>
#include <getopt.h>
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

/* a tick is a tenth of a second */
#define TICKS	      .max = MAX_TICKS / RATE_TICKS_PER_S, TOOL_SECONDS
#define NUMBER_FROM_1 .min = 1, .takes = "a number from 1 on"
#define BANDWIDTH                                                \
	.parse = number_parse_bytes, .min = 1, .max = INT64_MAX, \
	.takes = "a number of bytes, from 1 on, or one with K, M, G or T"

struct request {
	bool has_downtime;
	const char *socket;
	struct rate_session_options options;
};

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

static int take_pid_option(const char *command,
			   const struct tool_option *option, const char *value)
{
	return take_pid(value, option->request);
}

static int take_method(const char *command, const struct tool_option *option,
		       const char *value)
{
	struct rate_request *asked = option->request;
	static const struct {
		const char *name;
		int method;
	} methods[] = {{"auto", RATE_WISH_AUTO},
		       {"uffd", RATE_UFFD},
		       {"soft-dirty", RATE_SOFT_DIRTY},
		       {"sample", RATE_SAMPLE},
		       {"beside", RATE_BESIDE}};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(value, methods[i].name) != 0)
			continue;
		asked->method = methods[i].method;
		return TOOL_OK;
	}
	return tool_usage(command, "there is no method '%.40s'", value);
}

/* A mapping without a name is shown so. */
static int take_pattern(const char *command, const struct tool_option *option,
			const char *value)
{
	if (strcmp(value, "[anon]") == 0)
		*option->text = "";
	return TOOL_OK;
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
	struct rate_session_options *options = &request->options;
	struct rate_request *asked = &options->request;
	struct rate_forecast_options *forecast = &options->forecast;
	const struct tool_option known[] = {
		{"pid", .take = take_pid_option, .request = request},
		{"qmp", .text = &request->socket},
		{"guest", .flag = &asked->select.is_guest_ram},
		{"map", .text = &asked->select.pattern, .take = take_pattern},
		{"children", .flag = &asked->has_children},
		{"method", .take = take_method, .request = asked},
		{"samples", .number = &asked->nsamples, .max = MAX_SAMPLES,
		 NUMBER_FROM_1},
		{"interval", .number = &options->interval_ticks, TICKS},
		{"duration", .number = &options->duration_ticks, TICKS},
		{"count", .number = &options->intervals, .max = MAX_TICKS,
		 NUMBER_FROM_1},
		{"json", .flag = &options->is_json},
		{"svg", .flag = &asked->has_heat, .text = &options->svg},
		{"bandwidth", .number = &forecast->bandwidth_bytes_ps,
		 BANDWIDTH},
		{"line-bandwidth", .number = &forecast->line_bytes_ps,
		 BANDWIDTH},
		{"downtime", .flag = &request->has_downtime,
		 .number = &forecast->downtime_ms, .max = MAX_DOWNTIME_MS,
		 .takes = "a number of milliseconds"},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, known);

	if (status != TOOL_OK)
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

	return status == TOOL_OK ? run(&request) : status;
}
