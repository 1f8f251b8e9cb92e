/* SPDX-License-Identifier: MIT */
/*
 * The kernel's scans skip a device's memory, and would call it clean. It writes
 * to its own rings without the process's page tables. A name decides, since
 * only /proc/PID/smaps has the flags, and to read it walks all page tables. A
 * name that only looks like one of these costs tracking and loses nothing: the
 * mapping is named as not tracked.
 */
#include "process/special.h"

#include <stddef.h>

#include "common/text.h"

/* 512 MiB of page tables in the process, to protect what was never used. */
#define MAX_BYTES (UINT64_C(256) << 30)

/* Files in /dev that are memory like any other. */
static bool is_plain_in_dev(const char *name)
{
	static const char *const plain[] = {"/dev/shm/", "/dev/zero",
					    "/dev/hugepages", "/dev/mqueue/"};

	return text_begins_with_any(name, plain,
				    sizeof(plain) / sizeof(plain[0]));
}

bool smi_special_is_too_large(uint64_t length_bytes)
{
	return length_bytes > MAX_BYTES;
}

const char *smi_special_reason(const char *name, uint64_t length_bytes)
{
	if (text_begins(name, "/dev/") && !is_plain_in_dev(name))
		return "it is a device's memory, which no scan sees";
	if (text_begins(name, "anon_inode:"))
		return "it is memory of the kernel's, which writes to it "
		       "unseen";
	if (text_begins(name, "/[aio]"))
		return "it is a ring of AIO, to which the kernel writes unseen";
	if (text_begins(name, "/secretmem"))
		return "it is secret memory, which nobody else may read";
	if (text_begins(name, "/sys/") || text_begins(name, "/proc/") ||
	    text_begins(name, "socket:"))
		return "it is memory of the kernel's, which writes to it "
		       "unseen";
	if (smi_special_is_too_large(length_bytes))
		return "it is larger than 256 GiB";
	return NULL;
}
