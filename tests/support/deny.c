/* SPDX-License-Identifier: MIT */
/*
 * Each rule becomes a rule of libseccomp. Only the low half of an argument is
 * compared, since the kernel reads only that half of a command.
 */
#include "deny.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <seccomp.h>

#include "support.h"

enum {
	PASSED,
	FAILED,
	NO_FILTER
};

static bool add_rule(scmp_filter_ctx filter, const struct deny_rule *rule)
{
	struct scmp_arg_cmp args[2];
	unsigned int n = 0;
	uint32_t action = rule->is_trapped
				  ? SCMP_ACT_TRAP
				  : SCMP_ACT_ERRNO((uint32_t)rule->answer);

	if (rule->arg1)
		args[n++] = SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, rule->arg1);
	if (rule->arg2)
		args[n++] = SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, rule->arg2);
	return seccomp_rule_add_array(filter, action, rule->call, n, args) == 0;
}

bool deny(const struct deny_rule *rules, size_t nrules)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool is_done = filter &&
		       seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0;

	for (size_t i = 0; i < nrules && is_done; i++)
		is_done = add_rule(filter, &rules[i]);
	is_done = is_done && seccomp_load(filter) == 0;
	if (filter)
		seccomp_release(filter);
	return is_done;
}

void deny_and_run(const struct deny_rule *rules, size_t nrules,
		  bool (*body)(void *opaque), void *opaque)
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (nrules && !deny(rules, nrules))
			_exit(NO_FILTER);
		_exit(body(opaque) ? PASSED : FAILED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		test_skip_without("seccomp", "no filter can be installed");
	assert_int_equal(WEXITSTATUS(status), PASSED);
}
