/* SPDX-License-Identifier: MIT */
/*
 * A kernel, or a container, without what the userfaultfd source needs: the
 * sentence names the ability that is missing. Each lack is simulated.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <linux/userfaultfd.h>

#include <smudge/source.h>

#include "deny.h"
#include "support.h"
#include "sys/uffd.h"

#define NEW_BY_DEVICE 0xaa00	 /* USERFAULTFD_IOC_NEW */
#define PAGEMAP_SCAN  0xc0606610 /* of Linux 6.7 */

struct expected {
	int code;
	const char *words;
};

static bool create_fails(void *opaque)
{
	const struct expected *expected = opaque;
	struct smudge_source *source = NULL;
	struct smudge_error err = {0};
	int ret = smudge_uffd_create(&source, &err);

	if (ret == expected->code && err.code == ret && !source &&
	    strstr(err.message, expected->words))
		return true;
	fprintf(stderr, "# got %d: %s\n", ret, err.message);
	return false;
}

static void check(const struct deny_rule *rules, size_t nrules, int code,
		  const char *words)
{
	struct expected expected = {.code = code, .words = words};

	deny_and_run(rules, nrules, create_fails, &expected);
}

static void test_no_userfaultfd(void **state)
{
	const struct deny_rule rules[] = {
		{.call = SYS_userfaultfd, .answer = ENOSYS},
		{.call = SYS_ioctl, .arg1 = NEW_BY_DEVICE, .answer = ENOTTY},
	};

	check(rules, 2, -ENOSYS, "or a seccomp filter hides it");
}

static void test_userfaultfd_forbidden(void **state)
{
	const struct deny_rule rules[] = {
		{.call = SYS_userfaultfd, .answer = EPERM},
		{.call = SYS_ioctl, .arg1 = NEW_BY_DEVICE, .answer = EACCES},
	};

	check(rules, 2, -EPERM, "userfaultfd(2) is forbidden");
}

static void test_no_descriptors(void **state)
{
	const struct deny_rule rule = {.call = SYS_userfaultfd,
				       .answer = EMFILE};

	check(&rule, 1, -EMFILE, "cannot open a userfaultfd");
}

static void test_no_pagemap_scan(void **state)
{
	const struct deny_rule rule = {
		.call = SYS_ioctl, .arg1 = PAGEMAP_SCAN, .answer = ENOTTY};

	test_need_uffd();
	check(&rule, 1, -ENOSYS, "PAGEMAP_SCAN");
}

/* A kernel whose scan finds nothing would lose every write. */
static void test_scan_that_lies(void **state)
{
	const struct deny_rule rule = {.call = SYS_ioctl, .arg1 = PAGEMAP_SCAN};

	test_need_uffd();
	check(&rule, 1, -EIO, "other pages than were written");
}

#ifdef __x86_64__

static uint64_t features; /* what the simulated kernel has */

/* In the child alone: plays UFFDIO_API of an older kernel. */
static void answer_api(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct uffdio_api *api = (void *)(uintptr_t)regs[REG_RDX];

	api->features = features;
	regs[REG_RAX] = 0;
}

static bool create_on_older_kernel(void *opaque)
{
	struct sigaction action = {.sa_sigaction = answer_api,
				   .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &action, NULL);
	return create_fails(opaque);
}

static void check_without(uint64_t feature, const char *name)
{
	const struct deny_rule rule = {.call = SYS_ioctl,
				       .arg1 = (uint32_t)UFFDIO_API,
				       .is_trapped = true};
	struct expected expected = {.code = -EOPNOTSUPP, .words = name};

	test_need_uffd();
	features = ~feature;
	deny_and_run(&rule, 1, create_on_older_kernel, &expected);
}

static void test_missing_features(void **state)
{
	check_without(SMI_SYS_UFFD_WP_ASYNC, "UFFD_FEATURE_WP_ASYNC");
	check_without(SMI_SYS_UFFD_WP_UNPOPULATED,
		      "UFFD_FEATURE_WP_UNPOPULATED");
	check_without(SMI_SYS_UFFD_FLAG_WP | SMI_SYS_UFFD_WP_ASYNC |
			      SMI_SYS_UFFD_WP_UNPOPULATED,
		      "UFFD_FEATURE_WP_ASYNC");
}

#else

static void test_missing_features(void **state)
{
	test_skip_without("x86-64", "the system call is answered in registers");
}

#endif

TEST_MAIN(test_no_userfaultfd, test_userfaultfd_forbidden, test_no_descriptors,
	  test_no_pagemap_scan, test_scan_that_lies, test_missing_features)
