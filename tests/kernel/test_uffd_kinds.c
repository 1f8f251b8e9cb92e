/* SPDX-License-Identifier: MIT */
/*
 * Every row of "What is detected in each kind of memory" in
 * docs/kernel-support.md, for userfaultfd, as root and as nobody. With --table
 * it prints the table.
 */
#include <sys/sysinfo.h>

#include "kind_table.h"
#include "support.h"

static struct smudge_source *create(void)
{
	struct smudge_source *source = NULL;

	return smudge_uffd_create(&source, NULL) == 0 ? source : NULL;
}

static bool has_swap(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 && info.totalswap;
}

static const char *expected(size_t e, size_t k, bool as_nobody)
{
	if (as_nobody && events[e].for_nobody[k] &&
	    (!events[e].with_swap || has_swap()))
		return events[e].for_nobody[k];
	return events[e].expected[k];
}

static const struct kind_source uffd = {create, expected, false};

static void test_all_kinds(void **state)
{
	test_need_uffd();
	kind_table_check(&uffd, false, false);
}

static void test_all_kinds_as_nobody(void **state)
{
	test_need_uffd();
	kind_table_check(&uffd, true, false);
}

static void test_hugetlbfs(void **state)
{
	test_need_uffd();
	kind_table_check(&uffd, false, true);
}

static void test_hugetlbfs_as_nobody(void **state)
{
	test_need_uffd();
	kind_table_check(&uffd, true, true);
}

static void test_documentation(void **state)
{
	kind_table_check_document(&uffd);
}

KIND_TABLE_MAIN(&uffd, test_all_kinds, test_all_kinds_as_nobody, test_hugetlbfs,
		test_hugetlbfs_as_nobody, test_documentation)
