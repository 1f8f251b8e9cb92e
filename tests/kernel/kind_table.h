/* SPDX-License-Identifier: MIT */
/*
 * The table of what a source makes of every event in every kind of memory: run,
 * compared with what is expected, and as it is in docs/kernel-support.md.
 */
#ifndef TESTS_KERNEL_KIND_TABLE_H
#define TESTS_KERNEL_KIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <smudge/source.h>

#include "kind_events.h"

struct kind_source {
	/* NULL when it cannot be made. */
	struct smudge_source *(*create)(void);
	/* A cell of the table, as kind_events.h has them. */
	const char *(*expected)(size_t e, size_t k, bool as_nobody);
	/* needless reports, of the four pages or others, are not compared */
	bool is_coarse;
};

/* Shared with the children that fill it. */
struct kind_table {
	char cell[MAX_EVENTS][MAX_KINDS][64];
};

/* Run all of it. */
struct kind_table *kind_table_run(const struct kind_source *source,
				  bool as_nobody);
void kind_table_free(struct kind_table *table);

/* Run it and compare the part of hugetlbfs, or the rest. */
void kind_table_check(const struct kind_source *source, bool as_nobody,
		      bool hugetlb);

/* The document has the table that is expected, all lines of it in a row. */
void kind_table_check_document(const struct kind_source *source);

/*
 * With the argument --table: run it as root, print what came of it as it is in
 * the document, and then each cell that differs for the user nobody.
 * Return: true when it was asked for, and main has nothing else to do.
 */
bool kind_table_print(int argc, char **argv, const struct kind_source *source);

/* TEST_MAIN, or the table with --table. */
#define KIND_TABLE_MAIN(source, ...)                                       \
	int main(int argc, char **argv)                                    \
	{                                                                  \
		const CMUnitTestFunction test_functions[] = {__VA_ARGS__}; \
                                                                           \
		if (kind_table_print(argc, argv, source))                  \
			return 0;                                          \
		return test_run(test_functions,                            \
				sizeof(test_functions) /                   \
					sizeof(test_functions[0]),         \
				#__VA_ARGS__, NULL, NULL);                 \
	}

#endif
