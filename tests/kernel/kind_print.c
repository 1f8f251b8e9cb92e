/* SPDX-License-Identifier: MIT */
/*
 * Tables as text.
 */
#include "kind_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beside.h"
#include "support.h"

#define COLUMN 42 /* of the first kind; five for each */

static const char *const legends[MAX_KINDS] = {
	"private anonymous",
	"the same, transparent huge pages",
	"private file",
	"private memfd",
	"shared memfd",
	"shared file (ext4)",
	"shared anonymous",
	"hugetlbfs, private anonymous",
	"hugetlbfs, private file",
	"hugetlbfs, shared",
};

typedef const char *(*cell_fn)(const void *opaque, size_t e, size_t k);

static void print_legend(FILE *to)
{
	for (size_t k = 0; k < nkinds; k++) {
		fprintf(to, "%*s", COLUMN, "");
		for (size_t i = 0; i < k; i++)
			fprintf(to, "|    ");
		fprintf(to, "%s\n", legends[k]);
	}
}

static void print_rows(FILE *to, cell_fn cell, const void *opaque)
{
	for (size_t e = 0; e < nevents; e++) {
		fprintf(to, "%-*s", COLUMN, events[e].name);
		for (size_t k = 0; k + 1 < nkinds; k++)
			fprintf(to, "%-5s", cell(opaque, e, k));
		fprintf(to, "%s\n", cell(opaque, e, nkinds - 1));
	}
}

static const char *cell_of_table(const void *opaque, size_t e, size_t k)
{
	const struct kind_table *table = opaque;

	return table->cell[e][k];
}

static const char *cell_expected(const void *opaque, size_t e, size_t k)
{
	const struct kind_source *source = opaque;

	return source->expected(e, k, false);
}

void kind_table_check_document(const struct kind_source *source)
{
	static char document[1 << 17];
	char path[PATH_MAX];
	FILE *file;
	char *text = NULL;
	size_t length;
	bool is_there;

	test_beside("kernel-support.md", path);
	file = fopen(path, "re");
	assert_non_null(file);
	document[fread(document, 1, sizeof(document) - 1, file)] = 0;
	fclose(file);
	file = open_memstream(&text, &length);
	assert_non_null(file);
	print_legend(file);
	print_rows(file, cell_expected, source);
	fclose(file);
	is_there = strstr(document, text) != NULL;
	if (!is_there)
		print_error("docs/kernel-support.md wants this table:\n%s",
			    text);
	free(text);
	assert_true(is_there);
}

static void print_differences(const struct kind_table *root,
			      const struct kind_table *nobody)
{
	for (size_t e = 0; e < nevents; e++) {
		for (size_t k = 0; k < nkinds; k++) {
			if (strcmp(root->cell[e][k], nobody->cell[e][k]) != 0)
				printf("as the user nobody: %s, %s: %s\n",
				       events[e].name, legends[k],
				       nobody->cell[e][k]);
		}
	}
}

bool kind_table_print(int argc, char **argv, const struct kind_source *source)
{
	struct kind_table *root, *nobody;

	if (argc != 2 || strcmp(argv[1], "--table") != 0)
		return false;
	root = kind_table_run(source, false);
	nobody = kind_table_run(source, true);
	print_legend(stdout);
	print_rows(stdout, cell_of_table, root);
	print_differences(root, nobody);
	kind_table_free(root);
	kind_table_free(nobody);
	return true;
}
