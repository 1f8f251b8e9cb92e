/* SPDX-License-Identifier: MIT */
/*
 * What may help where /dev/kvm cannot be opened.
 */
#include "common/kvm_device.h"

#include "support.h"

#include <string.h>

static void says_what_may_help(void **state)
{
	assert_non_null(strstr(kvm_device_hint(EACCES), "group"));
	assert_non_null(strstr(kvm_device_hint(ENOENT), "module"));
	assert_non_null(strstr(kvm_device_hint(ENODEV), "module"));
	assert_non_null(strstr(kvm_device_hint(EPERM), "container"));
	assert_string_equal(kvm_device_hint(EMFILE), "");
}

TEST_MAIN(says_what_may_help)
