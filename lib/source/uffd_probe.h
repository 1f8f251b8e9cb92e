/* SPDX-License-Identifier: MIT */
/*
 * Can this kernel track memory by asynchronous write-protection?
 */
#ifndef LIB_SOURCE_UFFD_PROBE_H
#define LIB_SOURCE_UFFD_PROBE_H

#include <smudge/error.h>

#include "sys/uffd_use.h"

/* What tracking needs; both are open or neither. */
struct smi_uffd_fds {
	struct smi_sys_uffd_use use;
	int pagemap; /* or -1 */
};

/*
 * smi_uffd_open - open both
 * @fds: written; closed by smi_uffd_close, also after a failure. Its place
 *      stays the same
 * @err: receives the failure, which names the missing ability
 *
 * Return: 0, -ENOSYS, -EOPNOTSUPP, -EPERM, -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_uffd_open(struct smi_uffd_fds *fds, struct smudge_error *err);

void smi_uffd_close(struct smi_uffd_fds *fds);

/*
 * smi_uffd_probe - track a few pages and see whether the result is right
 * @err: receives the failure, which names the missing ability
 *
 * It fails unless the kernel distinguishes a written, a clean, a dropped and a
 * never populated page.
 * Return: 0, those of smi_uffd_open, -EIO (the kernel reports wrong pages).
 */
int smi_uffd_probe(struct smudge_error *err);

#endif
