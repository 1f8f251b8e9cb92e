/* SPDX-License-Identifier: MIT */
/*
 * Sources by soft-dirty bits that cannot be created: without the callbacks, on
 * a kernel without the bits, without /proc, in a process that may not open its
 * own files there.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/soft_dirty.h>

#include "support.h"

static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

static const struct smudge_soft_dirty_options good = {
	.size = sizeof(good), .quiesce = quiesce, .resume = resume};

static void test_callbacks(void **state)
{
	struct smudge_soft_dirty_options o = {.size = sizeof(o),
					      .quiesce = quiesce};
	struct smudge_source *source = NULL;
	struct smudge_error err = {0};

	assert_int_equal(smudge_soft_dirty_create(&o, &source, &err), -EINVAL);
	assert_non_null(strstr(err.message, "would be lost"));
	o.quiesce = NULL;
	o.resume = resume;
	assert_int_equal(smudge_soft_dirty_create(&o, &source, &err), -EINVAL);
	assert_null(source);
}

/* It works, or the kernel's lack is named. */
static void test_this_kernel(void **state)
{
	struct smudge_source *source = NULL;
	struct smudge_error err = {0};
	int ret = smudge_soft_dirty_create(&good, &source, &err);

	smudge_source_destroy(source);
	if (ret == 0)
		return;
	assert_int_equal(ret, -EOPNOTSUPP);
	assert_non_null(strstr(err.message, "CONFIG_MEM_SOFT_DIRTY"));
}

static int create_says(int code, const char *says)
{
	struct smudge_source *source = NULL;
	struct smudge_error err = {0};
	int ret = smudge_soft_dirty_create(&good, &source, &err);

	if (ret == code && strstr(err.message, says))
		return 0;
	fprintf(stderr, "# got %d: %s\n", ret, err.message);
	return 1;
}

/* Return: the exit status of @body in a child; 77: it cannot be tried. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (!child)
		_exit(body());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int without_proc(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		return 77;
	return create_says(-ENOSYS, "/proc is not mounted");
}

static int not_dumpable(void)
{
	if (setgid(65534) < 0 || setuid(65534) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return 77;
	return create_says(-EPERM, "cannot open /proc/self/");
}

static void check_in_child(int (*body)(void))
{
	int ret = in_child(body);

	if (ret == 77)
		test_skip_without("root", "a child cannot be made for it");
	assert_int_equal(ret, 0);
}

static void test_no_proc(void **state)
{
	check_in_child(without_proc);
}

static void test_not_dumpable(void **state)
{
	check_in_child(not_dumpable);
}

TEST_MAIN(test_callbacks, test_this_kernel, test_no_proc, test_not_dumpable)
