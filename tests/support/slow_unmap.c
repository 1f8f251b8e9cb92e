/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into smudge-vm: memory as large as a guest's takes its time to be
 * freed, as hundreds of GiB do.
 */
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LARGE_BYTES ((size_t)32 << 20)

int munmap(void *start, size_t length)
{
	if (length >= LARGE_BYTES)
		sleep(60);
	return (int)syscall(SYS_munmap, start, length);
}
