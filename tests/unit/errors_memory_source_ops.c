/* SPDX-License-Identifier: MIT */
/*
 * Sources whose operations are not complete: -EINVAL. Only rearm and destroy
 * may be missing.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_source_ops(void **state)
{
	struct smudge_source *source = NULL;
	struct smudge_source_ops none = {.size = sizeof(none), .name = "none"};

	assert_int_equal(smudge_source_create(&none, NULL, &source), -EINVAL);
	none.size = 8;
	assert_int_equal(smudge_source_create(&none, NULL, &source), -EINVAL);
	assert_null(source);
	smudge_source_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_ops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
