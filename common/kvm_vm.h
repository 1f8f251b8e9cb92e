/* SPDX-License-Identifier: MIT */
/*
 * Virtual machines of KVM.
 */
#ifndef COMMON_KVM_VM_H
#define COMMON_KVM_VM_H

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

/*
 * kvm_vm_create - a virtual machine, also while something interrupts
 * @kvm_fd: /dev/kvm (borrowed)
 *
 * KVM registers itself with the process's memory, and Linux gives that up with
 * EINTR (mm_take_all_locks) when a signal is pending, whatever SA_RESTART says,
 * or when an io_uring of the thread has work for it, even the end of a ring
 * that was closed before: no handler runs then, and the program knows of
 * nothing. QEMU makes the call again too (kvm_init).
 *
 * Return: its descriptor, or -errno; not -EINTR.
 */
static inline int kvm_vm_create(int kvm_fd)
{
	int fd;

	do {
		fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

#endif
