/* SPDX-License-Identifier: MIT */
/*
 * A machine that is made while Linux interrupts KVM_CREATE_VM, as a signal or
 * an io_uring of the thread has it do.
 */
#include "vm_guest.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

static unsigned int ninterruptions; /* that are still to come */

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	void *argument;
	va_list list;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (request == KVM_CREATE_VM && ninterruptions) {
		ninterruptions--;
		errno = EINTR;
		return -1;
	}
	return __real_ioctl(fd, request, argument);
}

static void test_kvm(void **state)
{
	struct vm_guest guest;

	vm_guest_need("kvm");
	ninterruptions = 3;
	vm_guest_open(&guest, "kvm", "auto", "pages=10");
	assert_int_equal(ninterruptions, 0);
	vm_guest_close(&guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kvm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
