/* SPDX-License-Identifier: MIT */
/*
 * Kernels that lack something, simulated: a seccomp filter answers some system
 * calls with an error, or traps them. Not in cross builds: the emulator has no
 * filters.
 */
#ifndef TESTS_SUPPORT_DENY_H
#define TESTS_SUPPORT_DENY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deny_rule {
	int call;	 /* system call number */
	uint32_t arg1;	 /* 0: any; else the low half of its 2nd argument */
	uint32_t arg2;	 /* 0: any; else the low half of its 3rd argument */
	int answer;	 /* errno; 0: succeeds with 0 and does nothing */
	bool is_trapped; /* SIGSYS instead of an answer */
};

/*
 * Install the rules for all threads of this process, for good.
 * Return: false where no filter can be installed.
 */
bool deny(const struct deny_rule *rules, size_t nrules);

/*
 * Run @body in a child under the rules and fail the running test unless it
 * returned true. @body must not use cmocka's assertions. The test is skipped
 * where no filter can be installed.
 */
void deny_and_run(const struct deny_rule *rules, size_t nrules,
		  bool (*body)(void *opaque), void *opaque);

#endif
