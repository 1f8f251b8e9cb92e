/* SPDX-License-Identifier: MIT */
/*
 * Can this kernel track memory by asynchronous write-protection?
 */
#ifndef LIB_SOURCE_UFFD_PROBE_H
#define LIB_SOURCE_UFFD_PROBE_H

#include <smudge/error.h>

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
