/* SPDX-License-Identifier: MIT */
/*
 * KVM_CREATE_VM, with a kernel of the test's own: interrupted, it is made
 * again, and other errors are told.
 */
#include "support.h"

#include <errno.h>

#include "common/kvm_vm.h"

#define KVM_FD 3
#define VM_FD  4

static unsigned int ninterruptions;
static int answer; /* then: a descriptor or -errno */
static unsigned int ncalls;

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	assert_int_equal(fd, KVM_FD);
	assert_int_equal(request, KVM_CREATE_VM);
	if (ncalls++ >= ninterruptions && answer >= 0)
		return answer;
	errno = ncalls > ninterruptions ? -answer : EINTR;
	return -1;
}

static void expect(unsigned int interruptions, int ret)
{
	ninterruptions = interruptions;
	answer = ret;
	ncalls = 0;
	assert_int_equal(kvm_vm_create(KVM_FD), ret);
	assert_int_equal(ncalls, interruptions + 1);
}

static void made(void **state)
{
	expect(0, VM_FD);
	expect(0, 0);
}

static void made_again(void **state)
{
	expect(1, VM_FD);
	expect(1000, VM_FD);
}

static void refused(void **state)
{
	expect(0, -ENOMEM);
	expect(2, -EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(made_again),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
