/* SPDX-License-Identifier: MIT */
/*
 * Each rule becomes a load and a comparison for each of its conditions, and a
 * verdict. The low halves of arguments are compared as the filter sees them
 * on a little-endian host.
 */
#include "deny.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "support.h"

#define MAX_RULES 8
#define MAX_CODE  (MAX_RULES * 7 + 1)

enum {
	PASSED,
	FAILED,
	NO_FILTER
};

static size_t put_condition(struct sock_filter *code, uint32_t offset,
			    uint32_t value, uint8_t to_next_rule)
{
	code[0] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
	code[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value,
					       0, to_next_rule);
	return 2;
}

static size_t put_rule(struct sock_filter *code, const struct deny_rule *rule)
{
	uint8_t left =
		(uint8_t)(1 + 2 * (rule->arg1 != 0) + 2 * (rule->arg2 != 0));
	uint32_t verdict = rule->is_trapped
				   ? SECCOMP_RET_TRAP
				   : SECCOMP_RET_ERRNO | (uint32_t)rule->answer;
	size_t n = put_condition(code, offsetof(struct seccomp_data, nr),
				 (uint32_t)rule->call, left);

	if (rule->arg1) {
		left -= 2;
		n += put_condition(code + n,
				   offsetof(struct seccomp_data, args[1]),
				   rule->arg1, left);
	}
	if (rule->arg2)
		n += put_condition(code + n,
				   offsetof(struct seccomp_data, args[2]),
				   rule->arg2, 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
	return n;
}

static bool install(const struct deny_rule *rules, size_t nrules)
{
	struct sock_filter code[MAX_CODE];
	struct sock_fprog program = {.filter = code};
	size_t n = 0;

	for (size_t i = 0; i < nrules && i < MAX_RULES; i++)
		n += put_rule(code + n, &rules[i]);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
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
		if (!install(rules, nrules))
			_exit(NO_FILTER);
		_exit(body(opaque) ? PASSED : FAILED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		test_skip_without("seccomp", "no filter can be installed");
	assert_int_equal(WEXITSTATUS(status), PASSED);
}
