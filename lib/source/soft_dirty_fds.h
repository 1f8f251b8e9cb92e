/* SPDX-License-Identifier: MIT */
/*
 * The files by which the kernel shows a process its soft-dirty bits.
 */
#ifndef LIB_SOURCE_SOFT_DIRTY_FDS_H
#define LIB_SOURCE_SOFT_DIRTY_FDS_H

#include <stdint.h>

#include <smudge/error.h>

struct smi_soft_dirty_fds {
	int pagemap, clear_refs; /* or -1 */
};

/*
 * Opened anew each time: a descriptor stays bound to the process that opened
 * it. Return: 0 or -errno with a sentence; then none is open.
 */
int smi_soft_dirty_fds_open(struct smi_soft_dirty_fds *fds,
			    struct smudge_error *err);
void smi_soft_dirty_fds_close(struct smi_soft_dirty_fds *fds);

/* Clear the bits of the whole process. Return: 0 or -errno. */
int smi_soft_dirty_fds_clear(const struct smi_soft_dirty_fds *fds);

/*
 * OR the bits of @npages from page @first on, an address shifted, into @words,
 * from bit 0 on. Return: 0 or -errno.
 */
int smi_soft_dirty_fds_read(const struct smi_soft_dirty_fds *fds,
			    uint64_t first, uint64_t npages, uint64_t *words);

#endif
