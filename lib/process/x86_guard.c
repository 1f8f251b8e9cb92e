/* SPDX-License-Identifier: MIT */
/*
 * One word of /proc/PID/pagemap for each page, from the last one backwards.
 */
#include "process/x86_guard.h"

#include <errno.h>
#include <unistd.h>

#include "common/range.h"
#include "process/proc.h"

#define PAGE_BYTES  UINT64_C(4096)
#define GUARD_BIT   (UINT64_C(1) << 58)
#define CHUNK_WORDS 512

static bool read_words(int fd, uint64_t page, uint64_t *words, size_t n)
{
	size_t nbytes = n * sizeof(*words);
	ssize_t got;

	do
		got = pread(fd, words, nbytes, (off_t)(page * sizeof(*words)));
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)nbytes;
}

/* The last guard page of [first, end), by its number; *ret_page is @end if
 * there is none. Return: false: it cannot be known. */
static bool find_last(int fd, uint64_t first, uint64_t end, uint64_t *ret_page)
{
	uint64_t words[CHUNK_WORDS];

	*ret_page = end;
	for (uint64_t at = end; at > first;) {
		uint64_t n = min_u64(at - first, CHUNK_WORDS);

		at -= n;
		if (!read_words(fd, at, words, (size_t)n))
			return false;
		while (n-- > 0) {
			if (words[n] & GUARD_BIT) {
				*ret_page = at + n;
				return true;
			}
		}
	}
	return true;
}

static uint64_t find_bottom(int fd, uint64_t first, uint64_t sp, uint64_t top)
{
	uint64_t page = sp / PAGE_BYTES, end = top / PAGE_BYTES + 1;
	uint64_t last, below = first / PAGE_BYTES;

	if (page - below > SMI_X86_GUARD_MOST_BYTES / PAGE_BYTES)
		below = page - SMI_X86_GUARD_MOST_BYTES / PAGE_BYTES;
	if (!find_last(fd, page, end, &last) || last != end ||
	    !find_last(fd, below, page, &last) || last == page)
		return 0;
	return (last + 1) * PAGE_BYTES;
}

uint64_t smi_x86_guard_bottom(pid_t pid, uint64_t first, uint64_t sp,
			      uint64_t top)
{
	uint64_t bottom;
	int fd;

	if (top < sp || top - sp > SMI_X86_GUARD_MOST_BYTES || sp < first)
		return 0;
	fd = smi_proc_open(pid, "pagemap");
	if (fd < 0)
		return 0;
	bottom = find_bottom(fd, first, sp, top);
	close(fd);
	return bottom;
}
