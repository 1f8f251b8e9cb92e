/* SPDX-License-Identifier: MIT */
/*
 * Where a signal does not say whether the fault was a store, or says so of
 * loads, there is no source, and the program's handler is what it was.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <smudge/mprotect.h>

#include "support.h"

static int answer;

int __wrap_smi_sys_segv_is_store(const void *context);

int __wrap_smi_sys_segv_is_store(const void *context)
{
	return answer;
}

static void check_refused(void)
{
	struct smudge_source *source = NULL;
	struct sigaction before, after;
	struct smudge_error err = {0};

	assert_int_equal(sigaction(SIGSEGV, NULL, &before), 0);
	assert_int_equal(smudge_mprotect_create(&source, &err), -EOPNOTSUPP);
	assert_null(source);
	assert_non_null(strstr(err.message, "store"));
	assert_int_equal(sigaction(SIGSEGV, NULL, &after), 0);
	assert_true(before.sa_handler == after.sa_handler);
}

static void test_not_known(void **state)
{
	answer = -EOPNOTSUPP;
	check_refused();
}

static void test_everything_is_a_store(void **state)
{
	answer = 1;
	check_refused();
}

TEST_MAIN(test_not_known, test_everything_is_a_store)
