/* SPDX-License-Identifier: MIT */
/*
 * process_vm_readv(2) and process_vm_writev(2), which fail for memory that the
 * process itself may not read or write.
 */
#include "process/memory_of.h"

#include <sys/uio.h>

bool smi_memory_of_read(pid_t pid, uint64_t at, void *to, size_t nbytes)
{
	struct iovec local = {.iov_base = to, .iov_len = nbytes};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)at,
			       .iov_len = nbytes};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) ==
	       (ssize_t)nbytes;
}

bool smi_memory_of_write(pid_t pid, uint64_t at, const void *from,
			 size_t nbytes)
{
	struct iovec local = {.iov_base = (void *)(uintptr_t)from,
			      .iov_len = nbytes};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)at,
			       .iov_len = nbytes};

	return process_vm_writev(pid, &local, 1, &remote, 1, 0) ==
	       (ssize_t)nbytes;
}
