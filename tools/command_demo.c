/* SPDX-License-Identifier: MIT */
/*
 * smudge demo: the command line of the demonstration.
 */
#include "commands.h"

#include "clock.h"
#include "demo.h"
#include "number.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

static const char help_text[] =
	"usage: smudge demo [OPTION]...\n"
	"\n"
	"Moves a running guest from one process to another while it writes\n"
	"its memory, and proves that no write was lost.\n"
	"\n"
	"  --engine NAME        auto, kvm or unicorn (default auto)\n"
	"  --dest-engine NAME   the destination's (default: as --engine)\n"
	"  --memory SIZE        the guest's memory (default 512M)\n"
	"  --working-set SIZE   what it writes (default 64M)\n"
	"  --rate N             pages it writes per second (default 8000, 0: "
	"no "
	"limit)\n"
	"  --max-bandwidth N    bytes per second while it runs (default 64 "
	"million)\n"
	"  --screen FOLDER      a guest that paints, watched by VNC viewers: "
	"pictures\n"
	"                       of both screens are saved in FOLDER\n"
	"  --vm PATH            smudge-vm\n"
	"  --guest PATH         scribble.elf, or paint.elf with --screen\n"
	"  --json               no progress; all figures as JSON\n"
	"  --help               this text\n"
	"\n"
	"Exit status: 0 when the guest arrived and all checks held, else 1.\n";

#define DEFAULT_BANDWIDTH (UINT64_C(64) * 1000 * 1000)
#define DEFAULT_RATE_PPS  UINT64_C(8000)

enum option_code {
	OPTION_ENGINE = 1,
	OPTION_DEST_ENGINE,
	OPTION_MEMORY,
	OPTION_WORKING_SET,
	OPTION_RATE,
	OPTION_BANDWIDTH,
	OPTION_SCREEN,
	OPTION_VM,
	OPTION_GUEST,
	OPTION_JSON,
	OPTION_HELP,
};

static int parse_number(const char *name, uint64_t *ret_value)
{
	if (!number_parse(optarg, UINT64_MAX, ret_value))
		return tool_usage("demo: --%s wants a number, not '%s'", name,
				  optarg);
	return TOOL_OK;
}

static int take_engine(const char *name, const char **ret_text)
{
	*ret_text = optarg;
	if (!strcmp(optarg, "auto") || !strcmp(optarg, "kvm") ||
	    !strcmp(optarg, "unicorn"))
		return TOOL_OK;
	return tool_usage("demo: --%s takes auto, kvm or unicorn, not '%.40s'",
			  name, optarg);
}

/* Checks the form only; the VM and the guest check the size. */
static int take_size(const char *name, const char **ret_text)
{
	size_t digits = strspn(optarg, "0123456789");
	const char *suffix = optarg + digits;

	*ret_text = optarg;
	if (digits && (!*suffix || (strchr("KMGTkmgt", *suffix) && !suffix[1])))
		return TOOL_OK;
	return tool_usage("demo: --%s takes a number of bytes or one with K, "
			  "M, G or T, not '%.40s'",
			  name, optarg);
}

static int take_option(int code, struct demo_options *options, char *argv[])
{
	switch (code) {
	case OPTION_ENGINE:
		return take_engine("engine", &options->engine);
	case OPTION_DEST_ENGINE:
		return take_engine("dest-engine", &options->dest_engine);
	case OPTION_MEMORY:
		return take_size("memory", &options->memory);
	case OPTION_WORKING_SET:
		return take_size("working-set", &options->working_set);
	case OPTION_BANDWIDTH:
		return parse_number("max-bandwidth",
				    &options->max_bandwidth_bytes_ps);
	case OPTION_RATE:
		return parse_number("rate", &options->rate_pps);
	case OPTION_SCREEN:
		options->screen = optarg;
		return TOOL_OK;
	case OPTION_VM:
		options->vm = optarg;
		return TOOL_OK;
	case OPTION_GUEST:
		options->guest = optarg;
		return TOOL_OK;
	case OPTION_JSON:
		options->json = true;
		return TOOL_OK;
	default:
		return tool_usage("demo: wrong option '%s'", argv[optind - 1]);
	}
}

/* The machines have ended by now: the guest runs nowhere. */
static int failed(const struct smudge_error *err)
{
	if (!interrupted())
		return tool_failed(err);
	fprintf(stderr,
		"smudge: %s; the demonstration has ended its machines, and the "
		"guest with them\n",
		err->message);
	return TOOL_FAILED;
}

static int run(const struct demo_options *options)
{
	struct demo demo = {.options = *options};
	struct smudge_error err = {0};
	int ret;

	interrupt_watch();
	ret = demo_find_programs(&demo, &err);
	if (!ret)
		ret = demo_make_folder(&demo, &err);
	if (!ret)
		ret = demo_run(&demo, &err);
	if (!ret && options->json)
		ret = demo_print_json(&demo, &err);
	demo_clean_up(&demo);
	return ret ? failed(&err) : TOOL_OK;
}

int command_demo(int argc, char *argv[])
{
	static const struct option known[] = {
		{"engine", required_argument, NULL, OPTION_ENGINE},
		{"dest-engine", required_argument, NULL, OPTION_DEST_ENGINE},
		{"memory", required_argument, NULL, OPTION_MEMORY},
		{"working-set", required_argument, NULL, OPTION_WORKING_SET},
		{"rate", required_argument, NULL, OPTION_RATE},
		{"max-bandwidth", required_argument, NULL, OPTION_BANDWIDTH},
		{"screen", required_argument, NULL, OPTION_SCREEN},
		{"vm", required_argument, NULL, OPTION_VM},
		{"guest", required_argument, NULL, OPTION_GUEST},
		{"json", no_argument, NULL, OPTION_JSON},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	struct demo_options options = {
		.engine = "auto",
		.memory = "512M",
		.working_set = "64M",
		.rate_pps = DEFAULT_RATE_PPS,
		.max_bandwidth_bytes_ps = DEFAULT_BANDWIDTH,
	};
	int status = TOOL_OK;
	int code;

	opterr = 0;
	while (status == TOOL_OK &&
	       (code = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (code == OPTION_HELP)
			return fputs(help_text, stdout), TOOL_OK;
		status = take_option(code, &options, argv);
	}
	if (status == TOOL_OK && optind != argc)
		status = tool_usage("demo: '%s' is too much", argv[optind]);
	if (!options.dest_engine)
		options.dest_engine = options.engine;
	return status == TOOL_OK ? run(&options) : status;
}
