/* SPDX-License-Identifier: MIT */
/*
 * The demonstration's figures, as a table and as JSON.
 */
#include "demo.h"

#include "print_json.h"
#include "progress_line.h"

#include <stdio.h>

#define MIB (1024.0 * 1024.0)
#define KIB 1024.0

static void row(const char *name, double value, int decimals, const char *unit)
{
	printf("  %-30s %12.*f %s\n", name, decimals, value, unit);
}

double demo_beside_code(const struct demo *demo, const char *name)
{
	char code_name[40];

	snprintf(code_name, sizeof(code_name), "code-%s", name);
	return progress_number(demo->stats, NULL, name) -
	       progress_number(demo->stats, NULL, code_name);
}

void demo_print_table(const struct demo *demo)
{
	const json_t *m = demo->migration;

	putchar('\n');
	row("rounds", progress_number(m, "ram", "dirty-sync-count"), 0, "");
	row("pages sent with content", progress_number(m, "ram", "normal"), 0,
	    "");
	row("pages of zeros", progress_number(m, "ram", "duplicate"), 0, "");
	row("sent", progress_number(m, "ram", "transferred") / MIB, 1, "MiB");
	row("total time", progress_number(m, NULL, "total-time"), 0, "ms");
	row("downtime", progress_number(m, "x-smudge", "downtime-ns") / 1e6, 1,
	    "ms");
	row("time in harvests",
	    progress_number(m, "x-smudge", "harvest-ns") / 1e6, 3, "ms");
	row("time in takes", progress_number(m, "x-smudge", "take-ns") / 1e6, 3,
	    "ms");
	row("bitmap memory, most",
	    progress_number(m, "x-smudge", "bitmap-peak-bytes") / KIB, 1,
	    "KiB");
	row("bitmap memory, afterwards",
	    demo_beside_code(demo, "bitmap-bytes") / KIB, 1, "KiB");
}

int demo_print_json(const struct demo *demo, struct smudge_error *err)
{
	json_t *object = json_pack(
		"{s:O, s:O, s:s, s:s, s:I}", "migration", demo->migration,
		"source-stats", demo->stats, "source-digest",
		demo->source_digest, "destination-digest",
		demo->destination_digest, "full-passes-at-destination",
		(json_int_t)demo->passes_after);
	int ret = print_json(object, JSON_INDENT(2), err);

	json_decref(object);
	return ret;
}
