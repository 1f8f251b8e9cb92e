/* SPDX-License-Identifier: MIT */
/*
 * /proc/self/smaps: what mappings are made of, with their page size and flags.
 *
 * The kernel walks the page tables of every mapping for it, so it is read once,
 * as a source starts. sys/maps.h is cheaper and knows less.
 */
#ifndef LIB_SYS_SMAPS_H
#define LIB_SYS_SMAPS_H

#include <stdbool.h>
#include <stdint.h>

/* The part of one mapping that lies in the range asked for. */
struct smi_sys_smap {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	uint64_t page_bytes; /* of the kernel's: huge for hugetlbfs only */
	int prot;	     /* PROT_* */
	bool is_shared;
	bool is_mergeable; /* by KSM */
	bool is_awaited;   /* registered with a userfaultfd whose reader brings
			      missing pages, or maps them (minor faults) */
};

/*
 * smi_sys_smaps_each - visit the mappings of a range of this process
 * @start, @end: addresses
 * @each: called in ascending order; holes are not visited. It returns 0 to
 *      continue, anything else to end the walk
 * @opaque: passed to @each
 *
 * Return: 0, what @each returned, or -errno: -ENOENT (no /proc, or a kernel
 * without smaps), -ESRCH, -EACCES, -EMFILE, -ENFILE, -ENOMEM, -EIO (not the
 * text that is expected).
 */
int smi_sys_smaps_each(uint64_t start, uint64_t end,
		       int (*each)(void *opaque, const struct smi_sys_smap *m),
		       void *opaque);

#endif
