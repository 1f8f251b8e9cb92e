/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd as a source, for the parts of the library that track another
 * process.
 */
#ifndef LIB_SOURCE_UFFD_H
#define LIB_SOURCE_UFFD_H

#include <smudge/source.h>

#include "source/uffd_fds.h"

/*
 * smi_uffd_create_for - a source for regions whose gpa is an address of a
 *      target
 * @target: outlives the source; NULL: this process
 * @lost_code: outlives the source; not 0 while a target's memory cannot be
 *      armed, for this reason: then each harvest reports all of it, and tries
 *      again. May be NULL
 *
 * Return: 0, -ENOMEM. Start, harvest and look: as smudge_uffd_create, and
 * -ESRCH.
 */
int smi_uffd_create_for(struct smi_uffd_target *target, _Atomic int *lost_code,
			struct smudge_source **ret_source,
			struct smudge_error *err);

/*
 * smi_uffd_try_register - can the memory be registered? It is not afterwards
 *
 * Return: 0, -EBUSY (with a userfaultfd of the target's own), -EINVAL, -EPERM,
 * -ENOMEM, -ESRCH.
 */
int smi_uffd_try_register(struct smi_uffd_target *target, uint64_t start,
			  uint64_t end, struct smudge_error *err);

#endif
