/* SPDX-License-Identifier: MIT */
/*
 * Which pages of another process have content, by /proc/PID/pagemap.
 */
#ifndef TOOLS_RATE_RESIDENT_H
#define TOOLS_RATE_RESIDENT_H

#include <stdint.h>

#include <sys/types.h>

/* Larger mappings are not read: 512 MiB of entries. */
#define RATE_RESIDENT_MAX_BYTES (UINT64_C(256) << 30)

/* Return: a descriptor of the caller's, or -errno. */
int rate_resident_open(pid_t pid);

/*
 * rate_resident_each - find runs of pages that are present
 * @fd: of rate_resident_open
 * @address, @size_bytes: where; of whole pages
 * @each: is given the first page's address, and how many pages follow
 *
 * A page that was swapped out is not present.
 * Return: 0, or -errno of the first read that failed.
 */
int rate_resident_each(int fd, uint64_t address, uint64_t size_bytes,
		       void (*each)(void *opaque, uint64_t address,
				    uint64_t npages),
		       void *opaque);

#endif
