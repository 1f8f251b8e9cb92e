/* SPDX-License-Identifier: MIT */
/*
 * The table of docs/kernel-support.md for the mprotect source: every event in
 * every kind of memory, as root and as nobody. With --table it prints the
 * table.
 */
#include <smudge/mprotect.h>

#include "kind_table.h"
#include "support.h"

static const char *const table[MAX_EVENTS][MAX_KINDS] = {
	/* a thread stores */
	{"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx",
	 "xxxx"},
	/* read(2) */
	{"F", "F", "F", "F", "F", "F", "F", "F", "F", "F"},
	/* read(2) with O_DIRECT, ended */
	{"F", "F", "F", "F", "F", "F", "F", "F", "F", "F"},
	/* process_vm_writev(2) */
	{"F", "F", "F", "F", "F", "F", "F", "F", "F", "F"},
	/* /proc/PID/mem */
	{"LLLL", "LLLL", "LLLL", "LLLL", "F", "F", "F", "LLLL", "LLLL", "F"},
	/* a thread reads */
	{"....", "....", "....", "....", "....", "....", "....", "....", "....",
	 "...."},
	/* mprotect(2), and back */
	{"E", "E", "E", "E", "E", "E", "E", "E", "E", "E"},
	/* a child stores to its copy */
	{"....", "....", "....", "....", "-", "-", "-", "....", "....", "-"},
	/* MADV_DONTNEED */
	{"L...", "L...", "L...", "L...", "....", "....", "....", "L...", "L...",
	 "...."},
	/* MADV_DONTNEED, then a read */
	{"L...", "L...", "L...", "L...", "....", "....", "....", "L...", "L...",
	 "...."},
	/* a store, then MADV_DONTNEED */
	{"xooo", "xooo", "xooo", "xooo", "xxxx", "xxxx", "xxxx", "xooo", "xooo",
	 "xxxx"},
	/* MADV_PAGEOUT, reclaim */
	{"....", "....", "....", "....", "....", "....", "....", "-", "-", "-"},
	/* MADV_FREE, reclaim */
	{"L...", "L...", "-", "-", "-", "-", "-", "-", "-", "-"},
	/* MADV_REMOVE */
	{"-", "-", "-", "-", "LLL.", "LLL.", "L...", "-", "-", "LLL."},
	/* FALLOC_FL_PUNCH_HOLE */
	{"-", "-", ".LL.", ".LL.", "LLL.", "LLL.", "-", "-", "LLL.", "LLL."},
	/* FALLOC_FL_PUNCH_HOLE, then a read */
	{"-", "-", ".LL.", ".LL.", "LLL.", "LLL.", "-", "-", "LLL.", "LLL."},
	/* MADV_DONTNEED, a harvest, then a hole */
	{"-", "-", "LLL.", "LLL.", "LLL.", "LLL.", "-", "-", "LLL.", "LLL."},
	/* ftruncate(2) to less and more */
	{"-", "-", "LLL.", "LLL.", "LLL.", "LLL.", "-", "-", "LLL.", "LLL."},
	/* another mapping of the file stores */
	{"-", "-", ".LLL", ".LLL", "LLLL", "LLLL", "-", "-", ".LLL", "LLLL"},
	/* another process stores */
	{"-", "-", "-", "-", "LLLL", "LLLL", "LLLL", "-", "-", "LLLL"},
	/* write(2) to the file */
	{"-", "-", ".LLL", ".LLL", "LLLL", "LLLL", "-", "-", "-", "-"},
	/* mremap(2) away, mmap(2) in its place */
	{"E", "E", "E", "E", "E", "E", "E", "-", "-", "-"},
	/* mmap(2) over it */
	{"E", "E", "E", "E", "E", "E", "E", "E", "E", "E"},
	/* smudge_region_discard */
	{"xooo", "xooo", "xooo", "xooo", "xxxo", "xxxo", "xooo", "xooo", "xooo",
	 "xxxo"},
};

static struct smudge_source *create(void)
{
	struct smudge_source *source = NULL;

	return smudge_mprotect_create(&source, NULL) == 0 ? source : NULL;
}

static void need(void)
{
	struct smudge_source *source = create();

	if (!source)
		test_skip_without("x86-64", "or arm64");
	smudge_source_destroy(source);
}

static const char *expected(size_t e, size_t k, bool as_nobody)
{
	return table[e][k] ? table[e][k] : "?";
}

static const struct kind_source mprotect = {create, expected, false};

static void test_all_kinds(void **state)
{
	need();
	kind_table_check(&mprotect, false, false);
}

static void test_all_kinds_as_nobody(void **state)
{
	need();
	kind_table_check(&mprotect, true, false);
}

static void test_hugetlbfs(void **state)
{
	need();
	kind_table_check(&mprotect, false, true);
}

static void test_documentation(void **state)
{
	kind_table_check_document(&mprotect);
}

KIND_TABLE_MAIN(&mprotect, test_all_kinds, test_all_kinds_as_nobody,
		test_hugetlbfs, test_documentation)
