/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd(2), asynchronous write-protection only.
 *
 * Constants newer than the 6.1 headers are given here under names of our own,
 * so that newer headers do not clash. Calls return 0 or -errno.
 */
#ifndef LIB_SYS_UFFD_H
#define LIB_SYS_UFFD_H

#include <stdint.h>

/* Feature bits of UFFDIO_API, with the first kernel that has them. */
#define SMI_SYS_UFFD_FLAG_WP		(UINT64_C(1) << 0)  /* 5.7 */
#define SMI_SYS_UFFD_WP_HUGETLBFS_SHMEM (UINT64_C(1) << 12) /* 5.19 */
#define SMI_SYS_UFFD_WP_UNPOPULATED	(UINT64_C(1) << 13) /* 6.4 */
#define SMI_SYS_UFFD_WP_ASYNC		(UINT64_C(1) << 15) /* 6.7 */

/*
 * A new userfaultfd, closed on exec. User faults only: that needs no
 * privilege, and in asynchronous mode the kernel resolves its own faults
 * itself, so stores by system calls are seen all the same.
 * Return: the descriptor, or -errno: -ENOSYS (none in this kernel), -EPERM
 * (filtered, and /dev/userfaultfd is closed too), -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_sys_uffd_open(void);

/*
 * Agree on features, once per descriptor. Asking for 0 tells what there is;
 * asking for one that is missing is -EINVAL.
 */
int smi_sys_uffd_api(int uffd, uint64_t features, uint64_t *ret_features);

/* Let page faults of the range maintain the write-protection. */
int smi_sys_uffd_register(int uffd, uint64_t start, uint64_t length_bytes);

/*
 * Is any of a registered range memory of hugetlbfs? Registering tells, and a
 * second time does nothing else. Return: 1, 0 or -errno.
 */
int smi_sys_uffd_is_hugetlb(int uffd, uint64_t start, uint64_t length_bytes);
int smi_sys_uffd_unregister(int uffd, uint64_t start, uint64_t length_bytes);

/*
 * Write-protect: what is stored from now on can be told apart. -EAGAIN while
 * the address space is being changed by another thread's fork or mremap.
 */
int smi_sys_uffd_protect(int uffd, uint64_t start, uint64_t length_bytes);

#endif
