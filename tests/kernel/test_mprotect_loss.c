/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost with mprotect and SIGSEGV, whatever threads write.
 */
#include <smudge/mprotect.h>

#include "source_loss.h"
#include "support.h"

static struct smudge_source *create(void)
{
	struct smudge_source *source = NULL;

	assert_int_equal(smudge_mprotect_create(&source, NULL), 0);
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

TEST_MAIN(test_changed_and_clean, test_pairs_report_the_writes)
