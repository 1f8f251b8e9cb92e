/* SPDX-License-Identifier: MIT */
/*
 * smudge layers diff: which pages differ between two layers of a folder.
 */
#include "layers/layers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "number.h"
#include "print_json.h"
#include "printable.h"
#include "text.h"

static const char help_text[] =
	"usage: smudge layers diff A B FOLDER [--json]\n"
	"\n"
	"Says which pages of memory differ between layers A and B of a folder, "
	"by\n"
	"region: ranges of pages, counted from the region's first one, and "
	"their\n"
	"addresses. + is what only B has, - what only A has. Compares digests: "
	"no page\n"
	"is read.\n"
	"\n"
	"  --json  one object\n"
	"  --help  this text\n"
	"\n"
	"Exit status: 0, whether pages differ or not; 1 if a layer cannot be "
	"read; 2\n"
	"for a wrong command line.\n";

struct diff {
	json_t *regions;	/* NULL: print rows */
	char name[64];		/* of the region that is being reported */
	bool is_begun;		/* there was one */
	json_t *runs;		/* of it; borrowed */
	uint64_t nruns, npages; /* of it */
	uint64_t all_pages;
	uint64_t nregions;
};

static void print_count(const char *what, uint64_t npages, uint64_t nruns)
{
	char pages[TEXT_BYTES], runs[TEXT_BYTES], name[64];

	printable_copy(name, sizeof(name), what);
	text_count(pages, (double)npages, 20);
	text_count(runs, (double)nruns, 20);
	printf("%s: %s page%s in %s range%s\n", name, pages,
	       npages == 1 ? "" : "s", runs, nruns == 1 ? "" : "s");
}

static void end_region(struct diff *diff)
{
	json_t *object;

	if (!diff->is_begun)
		return;
	if (diff->regions) {
		object = json_array_get(diff->regions,
					json_array_size(diff->regions) - 1);
		layers_add(object, "pages", diff->npages);
	} else {
		print_count(diff->name, diff->npages, diff->nruns);
	}
	diff->all_pages += diff->npages;
	diff->npages = 0;
	diff->nruns = 0;
}

static void begin_region(struct diff *diff, const char *name)
{
	end_region(diff);
	diff->is_begun = true;
	diff->nregions++;
	snprintf(diff->name, sizeof(diff->name), "%s", name);
	if (!diff->regions)
		return;
	diff->runs = json_array();
	json_array_append_new(diff->regions, json_pack("{s:o, s:o}", "name",
						       layers_text_json(name),
						       "ranges", diff->runs));
}

static void add_run(struct diff *diff,
		    const struct smudge_difference *difference)
{
	json_t *object = json_object();

	layers_add(object, "first-page", difference->run.first_page);
	layers_add(object, "pages", difference->run.npages);
	layers_add(object, "address", difference->gpa);
	if (difference->is_new)
		json_object_set_new(object, "new", json_true());
	if (difference->is_gone)
		json_object_set_new(object, "gone", json_true());
	json_array_append_new(diff->runs, object);
}

static void print_run(const struct smudge_difference *difference)
{
	const char *sign = difference->is_new	 ? "+"
			   : difference->is_gone ? "-"
						 : " ";
	uint64_t last = difference->run.first_page + difference->run.npages - 1;
	char name[64];

	printable_copy(name, sizeof(name), difference->region_name);
	printf("%s %s %" PRIu64 "-%" PRIu64 " at %#" PRIx64 "\n", sign, name,
	       difference->run.first_page, last, difference->gpa);
}

static int found(void *opaque, const struct smudge_difference *difference)
{
	struct diff *diff = opaque;

	if (!diff->is_begun || strncmp(diff->name, difference->region_name,
				       sizeof(diff->name) - 1) != 0)
		begin_region(diff, difference->region_name);
	diff->nruns++;
	diff->npages += difference->run.npages;
	if (diff->regions)
		add_run(diff, difference);
	else
		print_run(difference);
	return interrupted();
}

static int end(struct diff *diff, const struct layers_request *request,
	       struct smudge_error *err)
{
	json_t *reply;
	int ret;

	end_region(diff);
	if (!diff->regions) {
		if (!diff->nregions)
			puts("no page differs");
		return 0;
	}
	reply = json_pack("{s:o, s:O}", "folder",
			  layers_text_json(request->words[2]), "regions",
			  diff->regions);
	layers_add(reply, "pages", diff->all_pages);
	ret = print_json(reply, JSON_INDENT(2), err);
	json_decref(reply);
	return ret;
}

static int compare(const struct layers_request *request, uint64_t from,
		   uint64_t to, struct smudge_error *err)
{
	struct diff diff = {.regions = request->is_json ? json_array() : NULL};
	struct smudge_chain *chains[2] = {NULL, NULL};
	int ret;

	ret = layers_open(request->words[2], from, &chains[0], err);
	if (!ret)
		ret = layers_open(request->words[2], to, &chains[1], err);
	if (!ret)
		ret = smudge_chain_diff(chains[0], chains[1], found, &diff,
					err);
	ret = layers_interrupted(ret, err);
	if (!ret)
		ret = end(&diff, request, err);
	smudge_chain_close(chains[0]);
	smudge_chain_close(chains[1]);
	json_decref(diff.regions);
	return ret;
}

int layers_diff(int argc, char *argv[])
{
	static const char *const words[] = {"A", "B", "FOLDER", NULL};
	const struct layers_syntax syntax = {.help = help_text, .words = words};
	struct layers_request request = {0};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t numbers[2];
	int status = layers_parse(argc, argv, &syntax, &request);

	if (status != TOOL_OK)
		return status;
	for (int i = 0; i < 2; i++)
		if (!number_parse(request.words[i], UINT64_MAX - 1,
				  &numbers[i]) ||
		    !numbers[i])
			return tool_usage(argv[0],
					  "a layer's number is from 1 on, not "
					  "'%.40s'",
					  request.words[i]);
	interrupt_watch();
	return compare(&request, numbers[0], numbers[1], &err)
		       ? tool_failed(&err)
		       : TOOL_OK;
}
