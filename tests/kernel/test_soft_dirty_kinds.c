/* SPDX-License-Identifier: MIT */
/*
 * The table of docs/kernel-support.md for the soft-dirty source: every event in
 * every kind of memory, as root and as nobody. With --table it prints the
 * table. Skipped on a kernel without the bits.
 */
#include <smudge/soft_dirty.h>

#include "kind_table.h"
#include "support.h"

static const char *const table[MAX_EVENTS][MAX_KINDS] = {
	/* a thread stores */
	{"xxxx", "xxxx", "xxxx", "xxxx", "R", "R", "R", "R", "R", "R"},
	/* read(2) */
	{"xxxx", "xxxx", "xxxx", "xxxx", "R", "R", "R", "R", "R", "R"},
	/* read(2) with O_DIRECT, ended */
	{"xxxx", "xxxx", "xxxx", "xxxx", "R", "R", "R", "R", "R", "R"},
	/* process_vm_writev(2) */
	{"xxxx", "xxxx", "xxxx", "xxxx", "R", "R", "R", "R", "R", "R"},
	/* /proc/PID/mem */
	{"xxxx", "xxxx", "xxxx", "xxxx", "R", "R", "R", "R", "R", "R"},
	/* a thread reads */
	{"....", "....", "....", "....", "R", "R", "R", "R", "R", "R"},
	/* mprotect(2), and back */
	{"....", "....", "....", "....", "R", "R", "R", "R", "R", "R"},
	/* a child stores to its copy */
	{"....", "....", "....", "....", "R", "R", "R", "R", "R", "R"},
	/* MADV_DONTNEED */
	{"L...", "L...", "L...", "L...", "R", "R", "R", "R", "R", "R"},
	/* MADV_DONTNEED, then a read */
	{"L...", "L...", "L...", "L...", "R", "R", "R", "R", "R", "R"},
	/* a store, then MADV_DONTNEED */
	{"L...", "L...", "L...", "L...", "R", "R", "R", "R", "R", "R"},
	/* MADV_PAGEOUT, reclaim */
	{"....", "....", "....", "....", "R", "R", "R", "R", "R", "R"},
	/* MADV_FREE, reclaim */
	{"L...", "L...", "-", "-", "R", "R", "R", "R", "R", "R"},
	/* MADV_REMOVE */
	{"-", "-", "-", "-", "R", "R", "R", "R", "R", "R"},
	/* FALLOC_FL_PUNCH_HOLE */
	{"-", "-", ".LL.", ".LL.", "R", "R", "R", "R", "R", "R"},
	/* FALLOC_FL_PUNCH_HOLE, then a read */
	{"-", "-", ".LL.", ".LL.", "R", "R", "R", "R", "R", "R"},
	/* MADV_DONTNEED, a harvest, then a hole */
	{"-", "-", "LLL.", "LLL.", "R", "R", "R", "R", "R", "R"},
	/* ftruncate(2) to less and more */
	{"-", "-", "LLL.", "LLL.", "R", "R", "R", "R", "R", "R"},
	/* another mapping of the file stores */
	{"-", "-", ".LLL", ".LLL", "R", "R", "R", "R", "R", "R"},
	/* another process stores */
	{"-", "-", "-", "-", "R", "R", "R", "R", "R", "R"},
	/* write(2) to the file */
	{"-", "-", ".LLL", ".LLL", "R", "R", "R", "R", "R", "R"},
	/* mremap(2) away, mmap(2) in its place */
	{"x...", "x...", "x...", "x...", "R", "R", "R", "R", "R", "R"},
	/* mmap(2) over it */
	{"xooo", "xooo", "xxxo", "xxxo", "R", "R", "R", "R", "R", "R"},
	/* smudge_region_discard */
	{"xooo", "xooo", "xooo", "xooo", "R", "R", "R", "R", "R", "R"},
};

/* The process has one thread, so all stands. */
static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

static struct smudge_source *create(void)
{
	const struct smudge_soft_dirty_options o = {
		.size = sizeof(o), .quiesce = quiesce, .resume = resume};
	struct smudge_source *source = NULL;

	return smudge_soft_dirty_create(&o, &source, NULL) == 0 ? source : NULL;
}

static void need(void)
{
	struct smudge_source *source = create();

	if (!source)
		test_skip_without("soft-dirty", "this kernel has no such bits");
	smudge_source_destroy(source);
}

static const char *expected(size_t e, size_t k, bool as_nobody)
{
	return table[e][k] ? table[e][k] : "?";
}

static const struct kind_source soft_dirty = {create, expected, true};

static void test_all_kinds(void **state)
{
	need();
	kind_table_check(&soft_dirty, false, false);
}

static void test_all_kinds_as_nobody(void **state)
{
	need();
	kind_table_check(&soft_dirty, true, false);
}

static void test_hugetlbfs(void **state)
{
	need();
	kind_table_check(&soft_dirty, false, true);
}

static void test_documentation(void **state)
{
	kind_table_check_document(&soft_dirty);
}

KIND_TABLE_MAIN(&soft_dirty, test_all_kinds, test_all_kinds_as_nobody,
		test_hugetlbfs, test_documentation)
