/* SPDX-License-Identifier: MIT */
/*
 * smudge features: what this kernel offers for tracking, to this process.
 */
#include "commands.h"

#include "feature.h"
#include "feature_report.h"
#include "options.h"

#include <getopt.h>
#include <string.h>

static const char help_text[] =
	"usage: smudge features [OPTION]... [KIND]...\n"
	"\n"
	"Tries what the kernel offers for tracking, each on a few pages of its "
	"own, and\n"
	"says what works here, since which Linux there is such a thing, why "
	"the others\n"
	"do not work, and which of the others work instead. Without a KIND it "
	"tries all:\n"
	"\n"
	"  uffd        userfaultfd's asynchronous write-protection\n"
	"  kvm-legacy  KVM's dirty log\n"
	"  kvm-manual  the same, armed again page by page\n"
	"  kvm-ring    KVM's dirty rings\n"
	"  soft-dirty  soft-dirty bits of /proc/self/pagemap\n"
	"  mprotect    mprotect(2) and SIGSEGV\n"
	"  vhost-log   the log of vhost back ends\n"
	"  membarrier  tracks nothing, but makes marks cheaper\n"
	"\n"
	"  --json      print JSON\n"
	"  --help      this text\n"
	"\n"
	"Exit status: 0 if each KIND works (without one: if any tracks), "
	"otherwise 1;\n"
	"2 for a wrong command line.\n";

#define NAME "features"

/* All of them if no word names one. */
static int choose(int argc, char *argv[],
		  struct feature_result results[NFEATURES])
{
	for (size_t i = 0; i < NFEATURES; i++)
		results[i].is_asked = optind == argc;
	for (int word = optind; word < argc; word++) {
		size_t i = feature_find(argv[word]);

		if (i == NFEATURES)
			return tool_usage(NAME, "there is no kind '%s'",
					  argv[word]);
		results[i].is_asked = true;
	}
	return TOOL_OK;
}

static void try_once(struct feature_result results[NFEATURES], size_t i)
{
	if (!results[i].is_tried)
		feature_try(&features[i], &results[i].err);
	results[i].is_tried = true;
}

/* What is named instead of one that fails must work. */
static void try_instead(struct feature_result results[NFEATURES], size_t i)
{
	const char *const *instead = features[i].instead;

	for (size_t k = 0; k < 2 && instead[k]; k++)
		try_once(results, feature_find(instead[k]));
}

/* Return: TOOL_OK or TOOL_FAILED: the answer to what was asked. */
static int try_chosen(struct feature_result results[NFEATURES], bool is_any)
{
	bool all = true;
	bool any = false;

	for (size_t i = 0; i < NFEATURES; i++) {
		if (!results[i].is_asked)
			continue;
		try_once(results, i);
		if (!results[i].err.code) {
			any = any || features[i].tracks;
			continue;
		}
		all = false;
		try_instead(results, i);
	}
	return (is_any ? any : all) ? TOOL_OK : TOOL_FAILED;
}

int command_features(int argc, char *argv[])
{
	struct feature_result results[NFEATURES] = {0};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_json = false;
	const struct tool_option options[] = {
		{"json", .flag = &is_json},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status == TOOL_OK)
		status = choose(argc, argv, results);
	if (status != TOOL_OK)
		return status;
	status = try_chosen(results, optind == argc);
	if (is_json ? feature_report_json(results, &err)
		    : feature_report_table(results, &err))
		return tool_failed(&err);
	return status;
}
