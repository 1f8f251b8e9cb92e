/* SPDX-License-Identifier: MIT */
/*
 * A region over protected memory whose end moves: what each source must do;
 * protections; an end within a page of hugetlbfs.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <smudge/mprotect.h>

#include "resize_rig.h"
#include "track.h"

static struct smudge_source *make(struct resize_rig *r)
{
	struct smudge_source *source;
	struct smudge_error err;
	int ret = smudge_mprotect_create(&source, &err);

	(void)r;
	if (ret == -EOPNOTSUPP)
		test_skip_without("mprotect", err.message);
	assert_int_equal(ret, 0);
	return source;
}

static void test_heap(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_heap(&r);
}

static void test_refusals(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_refusals(&r, "mprotect");
}

static void test_huge_pages(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_huge(&r);
}

static void test_live_writer(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_check_live_writer(&r);
}

/* Is a system call refused to write there, as in protected memory? */
static bool is_protected(struct resize_rig *r, uint64_t page)
{
	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL,
		       r->ram + page * RESIZE_PAGE, 8) < 0;
}

/* What goes has the program's protections at once, what comes is protected. */
static void test_protections(void **state)
{
	struct resize_rig r = {.make = make, .is_exact = true};

	resize_rig_open(&r);
	resize_rig_resize(&r, 600);
	assert_true(is_protected(&r, 599));
	assert_false(is_protected(&r, 600));
	assert_false(is_protected(&r, RESIZE_NPAGES - 1));
	/* stays read-only, as the program made it */
	assert_int_equal(
		mprotect(r.ram + 700 * RESIZE_PAGE, RESIZE_PAGE, PROT_READ), 0);
	resize_rig_resize(&r, 800);
	resize_rig_clean(&r);
	assert_true(is_protected(&r, 600));
	assert_true(is_protected(&r, 799));
	assert_false(is_protected(&r, 800));
	resize_rig_touch(&r, 799);
	resize_rig_expect(&r, (const uint64_t[]){799}, 1);
	resize_rig_resize(&r, 300);
	assert_true(is_protected(&r, 700));
	assert_false(is_protected(&r, 701));
	resize_rig_close(&r);
}

TEST_MAIN(test_heap, test_refusals, test_live_writer, test_huge_pages,
	  test_protections)
