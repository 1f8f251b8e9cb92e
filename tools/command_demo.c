/* SPDX-License-Identifier: MIT */
/*
 * smudge demo: the command line of the demonstration.
 */
#include "commands.h"

#include "clock.h"
#include "demo.h"
#include "options.h"

#include <getopt.h>
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

#define DEFAULT_MEMORY		  "512M"
#define DEFAULT_MEMORY_BYTES	  (UINT64_C(512) << 20)
#define DEFAULT_WORKING_SET	  "64M"
#define DEFAULT_WORKING_SET_BYTES (UINT64_C(64) << 20)
#define DEFAULT_BANDWIDTH	  (UINT64_C(64) * 1000 * 1000)
#define DEFAULT_RATE_PPS	  UINT64_C(8000)

#define NAME "demo"
/* what smudge-vm demands of --memory */
#define MIN_MEMORY_BYTES (UINT64_C(16) << 20)
#define PAGE_BYTES	 4096

static int take_engine(const char *command, const struct tool_option *option,
		       const char *value)
{
	if (!strcmp(value, "auto") || !strcmp(value, "kvm") ||
	    !strcmp(value, "unicorn"))
		return TOOL_OK;
	return tool_usage(command,
			  "--%s takes auto, kvm or unicorn, not '%.40s'",
			  option->name, value);
}

/* What the VM or its guest would refuse once they run. */
static int check_sizes(const struct demo_options *options,
		       uint64_t memory_bytes, uint64_t working_set_bytes)
{
	if (memory_bytes < MIN_MEMORY_BYTES || memory_bytes % PAGE_BYTES)
		return tool_usage(NAME,
				  "--memory is at least 16M and a multiple of "
				  "4K, unlike '%.40s'",
				  options->memory);
	if (working_set_bytes >= memory_bytes && !options->screen)
		return tool_usage(NAME,
				  "--working-set %.40s does not fit into "
				  "--memory %.40s",
				  options->working_set, options->memory);
	return TOOL_OK;
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

static int parse(int argc, char *argv[], struct demo_options *options)
{
	uint64_t memory_bytes = DEFAULT_MEMORY_BYTES;
	uint64_t working_set_bytes = DEFAULT_WORKING_SET_BYTES;
	const struct tool_option known[] = {
		{"engine", .text = &options->engine, .take = take_engine},
		{"dest-engine", .text = &options->dest_engine,
		 .take = take_engine},
		{"memory", .text = &options->memory, .number = &memory_bytes,
		 TOOL_BYTES},
		{"working-set", .text = &options->working_set,
		 .number = &working_set_bytes, TOOL_BYTES},
		{"rate", .number = &options->rate_pps, .max = UINT64_MAX,
		 .takes = "a number"},
		{"max-bandwidth", .number = &options->max_bandwidth_bytes_ps,
		 TOOL_BYTES},
		{"screen", .text = &options->screen},
		{"vm", .text = &options->vm},
		{"guest", .text = &options->guest},
		{"json", .flag = &options->json},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, known);

	if (status == TOOL_OK && optind != argc)
		status = tool_usage(NAME, "'%s' is too much", argv[optind]);
	if (status == TOOL_OK)
		status = check_sizes(options, memory_bytes, working_set_bytes);
	if (!options->dest_engine)
		options->dest_engine = options->engine;
	return status;
}

int command_demo(int argc, char *argv[])
{
	struct demo_options options = {
		.engine = "auto",
		.memory = DEFAULT_MEMORY,
		.working_set = DEFAULT_WORKING_SET,
		.rate_pps = DEFAULT_RATE_PPS,
		.max_bandwidth_bytes_ps = DEFAULT_BANDWIDTH,
	};
	int status = parse(argc, argv, &options);

	return status == TOOL_OK ? run(&options) : status;
}
