/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost with soft-dirty bits, whatever threads write, since they
 * stand while the bits are read and cleared. The same program with writers that
 * do not stand must fail: that shows that it can.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/soft_dirty.h>

#include "source_loss.h"
#include "support.h"

#define MAX_RUNS       10
#define NOTHING_STANDS "SMUDGE_TEST_NOTHING_STANDS"

static int quiesce(void *opaque, struct smudge_error *err)
{
	return getenv(NOTHING_STANDS) ? 0 : source_loss_quiesce(opaque, err);
}

static void resume(void *opaque)
{
	if (!getenv(NOTHING_STANDS))
		source_loss_resume(opaque);
}

static struct smudge_source *create(void)
{
	const struct smudge_soft_dirty_options o = {
		.size = sizeof(o), .quiesce = quiesce, .resume = resume};
	struct smudge_error err = {0};
	struct smudge_source *source = NULL;
	int ret = smudge_soft_dirty_create(&o, &source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("soft-dirty", err.message);
	assert_int_equal(ret, 0);
	return source;
}

static void test_changed_and_clean(void **state)
{
	source_loss_changed_and_clean(create);
}

static void test_pairs_report_the_writes(void **state)
{
	source_loss_pairs(create);
}

/* Return: was a write found lost? */
static bool loses_when_nothing_stands(void)
{
	int status, null;
	pid_t child = fork();

	if (!child) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		setenv(NOTHING_STANDS, "1", 1);
		execl("/proc/self/exe", "nothing stands", NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status != 0;
}

/* A store must fall between the reading of the bits and their clearing, which
 * is chance. */
static void test_it_can_fail(void **state)
{
	bool loses = false;

	if (getenv(NOTHING_STANDS))
		return;
	smudge_source_destroy(create());
	fflush(NULL);
	for (int i = 0; i < MAX_RUNS && !loses; i++)
		loses = loses_when_nothing_stands();
	assert_true(loses);
}

TEST_MAIN(test_changed_and_clean, test_pairs_report_the_writes,
	  test_it_can_fail)
