/* SPDX-License-Identifier: MIT */
/*
 * Every row of "What is detected in each kind of memory" in
 * docs/kernel-support.md, for userfaultfd from outside. The target is this
 * process itself, by the descriptors that a tracker would have: what differs
 * from tracking one's own memory is how they are used, and the kernel does not
 * know who asks. With --table it prints the table.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "kind_table.h"
#include "process/proc_dir.h"
#include "source/uffd.h"
#include "support.h"
#include "sys/uffd.h"

#define FEATURES                                               \
	(SMI_SYS_UFFD_WP_ASYNC | SMI_SYS_UFFD_WP_UNPOPULATED | \
	 SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM | SMI_SYS_UFFD_FLAG_WP)

static struct smi_uffd_target target;

/* In a child for each row, whose end closes all. */
static struct smudge_source *create(void)
{
	struct smudge_source *source = NULL;
	uint64_t has;

	if (target.uffd)
		close(target.uffd);
	target.uffd = smi_sys_uffd_open(true);
	target.proc = smi_proc_dir_open(getpid());
	if (target.uffd < 0 || target.proc < 0 ||
	    smi_sys_uffd_api(target.uffd, FEATURES, &has) < 0)
		return NULL;
	target.maps = openat(target.proc, "maps", O_RDONLY | O_CLOEXEC);
	target.pagemap = openat(target.proc, "pagemap", O_RDONLY | O_CLOEXEC);
	target.own_pagemap = target.pagemap;
	if (target.maps < 0 || target.pagemap < 0)
		return NULL;
	return smi_uffd_create_for(&target, NULL, &source, NULL) == 0 ? source
								      : NULL;
}

/*
 * From inside, memory that was remapped fails the harvest, and all is dirty.
 * Here what came is registered and all dirty, and what went was dropped. (A
 * process's region follows it; these are the source's own answers.)
 */
static const char *const mremap_away[MAX_KINDS] = {
	"x...",
	"x...",
	"xooo and others looks differ",
	"xooo and others looks differ",
	"xooo and others looks differ",
	"xooo and others looks differ",
	"xooo and others looks differ",
	"-",
	"-",
	"-"};
static const char *const mmap_over[MAX_KINDS] = {"xooo",
						 "xooo",
						 "xxxo and others",
						 "xxxo and others",
						 "xxxo and others",
						 "xxxo and others",
						 "xooo and others",
						 "xooo",
						 "xxxo",
						 "xxxo"};
/*
 * Of shared hugetlbfs, mincore(2) of an own map that is never touched knows the
 * page cache, that of a map in use only what is mapped.
 */
static bool is_hole(size_t e)
{
	return !strcmp(events[e].name, "MADV_REMOVE") ||
	       !strcmp(events[e].name, "FALLOC_FL_PUNCH_HOLE") ||
	       !strcmp(events[e].name, "MADV_DONTNEED, a harvest, then a hole");
}

/* Copies that are not mapped any more are unsure, as in the other rows. */
static const char *const mremap_away_unsure =
	"xooo and others looks differ for ever";
static const char *const mmap_over_unsure = "xxxo and others for ever";

static bool has_swap(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 && info.totalswap;
}

static const char *expected(size_t e, size_t k, bool as_nobody)
{
	bool is_unsure = as_nobody && (k == 2 || k == 3); /* private files */

	if (!strcmp(events[e].name, "mremap(2) away, mmap(2) in its place"))
		return is_unsure ? mremap_away_unsure : mremap_away[k];
	if (!strcmp(events[e].name, "mmap(2) over it"))
		return is_unsure ? mmap_over_unsure : mmap_over[k];
	if (k == 9 && is_hole(e))
		return "xxx.";
	if (as_nobody && events[e].for_nobody[k] &&
	    (!events[e].with_swap || has_swap()))
		return events[e].for_nobody[k];
	return events[e].expected[k];
}

static const struct kind_source from_outside = {create, expected, false};

static void test_all_kinds(void **state)
{
	test_need_uffd();
	kind_table_check(&from_outside, false, false);
}

static void test_all_kinds_as_nobody(void **state)
{
	test_need_uffd();
	kind_table_check(&from_outside, true, false);
}

static void test_hugetlbfs(void **state)
{
	test_need_uffd();
	kind_table_check(&from_outside, false, true);
}

KIND_TABLE_MAIN(&from_outside, test_all_kinds, test_all_kinds_as_nobody,
		test_hugetlbfs)
