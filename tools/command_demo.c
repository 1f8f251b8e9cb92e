/* SPDX-License-Identifier: MIT */
/*
 * smudge demo: the command line of the demonstration.
 */
#include "commands.h"

#include "clock.h"
#include "demo.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

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
	"  --max-bandwidth N    bytes per second while it runs, also with K, "
	"M,\n"
	"                       G or T (default 64 million, 0: no limit)\n"
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
};

#define NAME "demo"
/* what smudge-vm demands of --memory */
#define MIN_MEMORY_BYTES (UINT64_C(16) << 20)
#define PAGE_BYTES	 4096

static int parse_number(const char *name, uint64_t *ret_value)
{
	if (!number_parse(optarg, UINT64_MAX, ret_value))
		return tool_usage(NAME, "--%s takes a number, not '%.40s'",
				  name, optarg);
	return TOOL_OK;
}

static int take_engine(const char *name, const char **ret_text)
{
	*ret_text = optarg;
	if (!strcmp(optarg, "auto") || !strcmp(optarg, "kvm") ||
	    !strcmp(optarg, "unicorn"))
		return TOOL_OK;
	return tool_usage(NAME, "--%s takes auto, kvm or unicorn, not '%.40s'",
			  name, optarg);
}

static int parse_bytes(const char *name, uint64_t *ret_bytes)
{
	if (!number_parse_bytes(optarg, INT64_MAX, ret_bytes))
		return tool_usage(NAME,
				  "--%s takes a number of bytes or one with "
				  "K, M, G or T, not '%.40s'",
				  name, optarg);
	return TOOL_OK;
}

static int take_size(const char *name, const char **ret_text)
{
	uint64_t bytes;

	*ret_text = optarg;
	return parse_bytes(name, &bytes);
}

/* What the VM or its guest would refuse once they run. */
static int check_sizes(const struct demo_options *options)
{
	uint64_t memory = 0;
	uint64_t working_set = 0;

	number_parse_bytes(options->memory, INT64_MAX, &memory);
	number_parse_bytes(options->working_set, INT64_MAX, &working_set);
	if (memory < MIN_MEMORY_BYTES || memory % PAGE_BYTES)
		return tool_usage(NAME,
				  "--memory is at least 16M and a multiple of "
				  "4K, unlike '%.40s'",
				  options->memory);
	if (working_set >= memory && !options->screen)
		return tool_usage(NAME,
				  "--working-set %.40s does not fit into "
				  "--memory %.40s",
				  options->working_set, options->memory);
	return TOOL_OK;
}

static int take_option(int code, struct demo_options *options)
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
		return parse_bytes("max-bandwidth",
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
		return TOOL_USAGE;
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
		{"help", no_argument, NULL, TOOL_OPTION_HELP},
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

	while (status == TOOL_OK &&
	       (code = tool_option(argc, argv, known)) != TOOL_OPTION_NONE) {
		if (code == TOOL_OPTION_HELP)
			return fputs(help_text, stdout), TOOL_OK;
		status = take_option(code, &options);
	}
	if (status == TOOL_OK && optind != argc)
		status = tool_usage(NAME, "'%s' is too much", argv[optind]);
	if (status == TOOL_OK)
		status = check_sizes(&options);
	if (!options.dest_engine)
		options.dest_engine = options.engine;
	return status == TOOL_OK ? run(&options) : status;
}
