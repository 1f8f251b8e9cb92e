/* SPDX-License-Identifier: MIT */
/*
 * A filter that denies sigaction(2): without a handler there is no source, and
 * no trial that would end the process. Where it comes later, what is there
 * stays.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include <smudge/mprotect.h>

#include "deny.h"
#include "support.h"

static const struct deny_rule denied = {.call = SYS_rt_sigaction,
					.answer = EPERM};

static bool create_fails(void *opaque)
{
	struct smudge_source *source = NULL;
	struct smudge_error err;

	(void)opaque;
	return smudge_mprotect_create(&source, &err) == -EPERM && !source &&
	       strstr(err.message, "handler of SIGSEGV");
}

static void test_create(void **state)
{
	deny_and_run(&denied, 1, create_fails, NULL);
}

static bool destroy_works(void *opaque)
{
	struct smudge_source **sources = opaque;

	smudge_source_destroy(sources[0]);
	return create_fails(NULL);
}

static void test_destroy(void **state)
{
	struct smudge_source *source = NULL;
	struct smudge_error err;
	int ret = smudge_mprotect_create(&source, &err);

	if (ret == -EOPNOTSUPP)
		test_skip_without("mprotect", err.message);
	assert_int_equal(ret, 0);
	deny_and_run(&denied, 1, destroy_works, &source);
	smudge_source_destroy(source);
}

TEST_MAIN(test_create, test_destroy)
