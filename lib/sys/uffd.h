/* SPDX-License-Identifier: MIT */
/*
 * The calls of userfaultfd(2) that the library makes.
 *
 * Constants newer than the 6.1 headers are given here under names of our own,
 * so that newer headers do not clash. Calls return 0 or -errno. Everything but
 * the tests, and sys/awaited.h, which registers nothing, opens a userfaultfd
 * through sys/uffd_use.h, which shares one.
 */
#ifndef LIB_SYS_UFFD_H
#define LIB_SYS_UFFD_H

#include <stdbool.h>
#include <stdint.h>

/* What a registered range is for. */
enum smi_sys_uffd_purpose {
	SMI_SYS_UFFD_WRITES,  /* track writes, asynchronously */
	SMI_SYS_UFFD_MISSING, /* deliver missing pages */
};

/* Feature bits of UFFDIO_API, with the first kernel that has them. */
#define SMI_SYS_UFFD_FLAG_WP		(UINT64_C(1) << 0)  /* 5.7 */
#define SMI_SYS_UFFD_MISSING_HUGETLBFS	(UINT64_C(1) << 4)  /* 4.11 */
#define SMI_SYS_UFFD_MISSING_SHMEM	(UINT64_C(1) << 5)  /* 4.11 */
#define SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM (UINT64_C(1) << 12) /* 5.19 */
#define SMI_SYS_UFFD_WP_UNPOPULATED	(UINT64_C(1) << 13) /* 6.4 */
#define SMI_SYS_UFFD_WP_ASYNC		(UINT64_C(1) << 15) /* 6.7 */

/*
 * A new userfaultfd, closed on exec, whose reads do not block.
 *
 * With @user_only it needs no privilege, and a missing page that the kernel
 * itself meets (in a system call, or in KVM for a guest) is an error there.
 * Without, such a fault waits for the missing page like a thread's own; that
 * takes CAP_SYS_PTRACE, vm.unprivileged_userfaultfd or /dev/userfaultfd.
 * Asynchronous write-protection is the same with either: the kernel resolves
 * these faults itself, its own included.
 * Return: the descriptor, or -errno: -ENOSYS (none in this kernel), -EPERM
 * (not allowed, and /dev/userfaultfd cannot be used either), -EMFILE, -ENFILE,
 * -ENOMEM.
 */
int smi_sys_uffd_open(bool user_only);

/*
 * Agree on features, once per descriptor. Asking for 0 reports what the kernel
 * has; asking for one that is missing is -EINVAL.
 */
int smi_sys_uffd_api(int uffd, uint64_t features, uint64_t *ret_features);

/* What the page faults of a registered range do: bits of a mode. */
#define SMI_SYS_UFFD_MODE_MISSING                                       \
	1u			/* a missing page waits for its content \
				 */
#define SMI_SYS_UFFD_MODE_WP 2u /* a store ends the write-protection */

/*
 * Register a range for @modes. What is registered with @uffd already loses no
 * mode unless @modes has a new one and lacks an old one: then it loses the old.
 */
int smi_sys_uffd_register(int uffd, uint64_t start, uint64_t length_bytes,
			  unsigned int modes);

/*
 * Is any of a registered range memory of hugetlbfs? Registering it again
 * answers that and changes nothing. Return: 1, 0 or -errno.
 */
int smi_sys_uffd_is_hugetlb(int uffd, uint64_t start, uint64_t length_bytes);

/* End every mode of the range; pages lose their write-protection. */
int smi_sys_uffd_unregister(int uffd, uint64_t start, uint64_t length_bytes);

/*
 * smi_sys_uffd_is_registered - is the mapping of a page registered, with any
 *	userfaultfd?
 * @uffd: any one of this address space; it need not be that one
 * @unreadable: an address of a page that cannot be read
 *
 * Tries to install a page, which ends before any page is there.
 * Return: 1, 0, or -errno: unknown.
 */
int smi_sys_uffd_is_registered(int uffd, uint64_t at, uint64_t page_bytes,
			       uint64_t unreadable);

/*
 * Write-protect: a later store is detected. -EAGAIN while another thread's fork
 * or mremap changes the address space.
 */
int smi_sys_uffd_protect(int uffd, uint64_t start, uint64_t length_bytes);

/*
 * smi_sys_uffd_page_bytes - the pages of a registered range: the host's, or
 *	those of hugetlbfs
 * @modes: that it is registered with
 *
 * Return: 0, -EINVAL (pages of several sizes), or -errno.
 */
int smi_sys_uffd_page_bytes(int uffd, uint64_t start, uint64_t length_bytes,
			    unsigned int modes, uint64_t *ret_page_bytes);

/*
 * smi_sys_uffd_copy - install missing pages with content
 * smi_sys_uffd_zeropage - install missing pages of zeros; not of hugetlbfs, nor
 *	where a page that is missing is write-protected (-EEXIST)
 * @protects: they are write-protected
 * @ret_bytes: receives how much is installed, from the first on, also after a
 *	failure
 *
 * Who waits for them is woken. Return: 0, -EEXIST (a page is there), -ENOENT
 * (not registered, or unmapped), -ENOMEM, or -errno.
 */
int smi_sys_uffd_copy(int uffd, uint64_t to, const void *from,
		      uint64_t length_bytes, bool protects,
		      uint64_t *ret_bytes);
int smi_sys_uffd_zeropage(int uffd, uint64_t start, uint64_t length_bytes,
			  uint64_t *ret_bytes);

/* Who waits for a page of the range tries again. */
int smi_sys_uffd_wake(int uffd, uint64_t start, uint64_t length_bytes);

/*
 * smi_sys_uffd_read - the next page that a thread waits for
 * @ret_address: receives an address in it
 *
 * Return: 1, 0 (none waits, or another thread has read it), or -errno.
 */
int smi_sys_uffd_read(int uffd, uint64_t *ret_address);

#endif
