/* SPDX-License-Identifier: MIT */
/*
 * Whose memory a userfaultfd source tracks, and by which descriptors: memory of
 * this process, through the userfaultfd that it has for all its parts
 * (sys/uffd_use.h); or memory of a target, another process, through a
 * userfaultfd that was made there.
 *
 * A target changes its mappings while it is tracked. What was mapped anew is
 * not registered, which a scan finds out.
 */
#ifndef LIB_SOURCE_UFFD_FDS_H
#define LIB_SOURCE_UFFD_FDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "sys/uffd_use.h"

/* Another process. Its owner keeps it until its sources are destroyed. */
struct smi_uffd_target {
	int uffd;    /* made in it; write-protects asynchronously */
	int pagemap; /* of its address space */
	/* Of this process's, opened with the same privileges, so it shows as
	   much of an entry; or -1. */
	int own_pagemap;
	int proc; /* its directory in /proc */
	int maps; /* its mappings; opened for one address space */
	/* Mappings that were new where an old one was tracked. */
	_Atomic uint64_t nreplaced;
};

struct smi_uffd_fds {
	struct smi_uffd_target *target; /* borrowed; NULL: this process */
	struct smi_sys_uffd_use use;	/* of this process's userfaultfd */
	uint64_t start, end;		/* of a target's memory, registered */
	uint64_t space; /* the address space that tracks a target */
	int uffd;	/* while open; borrowed of the use or the target */
	int pagemap;	/* or -1 */
};

/*
 * smi_uffd_open - open both descriptors, or neither
 * @fds: target is set; closed by smi_uffd_close, also after a failure. Its
 *      place stays the same
 * @err: receives the failure, which names the missing ability
 *
 * Return: 0, -ENOSYS, -EOPNOTSUPP, -EPERM, -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_uffd_open(struct smi_uffd_fds *fds, struct smudge_error *err);

/* Drop the registration too. */
void smi_uffd_close(struct smi_uffd_fds *fds);

/*
 * smi_uffd_register - register the range; holes are skipped
 * smi_uffd_extend - register more, up to a later end
 * smi_uffd_cut - let it end earlier; cannot fail
 *
 * Return: as smi_sys_uffd_use_register; also -ESRCH (the target has ended, or
 * executes another program).
 */
int smi_uffd_register(struct smi_uffd_fds *fds, uint64_t start, uint64_t end,
		      struct smudge_error *err);
int smi_uffd_extend(struct smi_uffd_fds *fds, uint64_t end,
		    struct smudge_error *err);
void smi_uffd_cut(struct smi_uffd_fds *fds, uint64_t end);

/*
 * smi_uffd_check - may this process use the descriptors, and is there memory?
 *
 * Return: 0, -EPERM (in a child of fork), -ESRCH (the target's address space is
 * gone: it has ended, or executes another program).
 */
int smi_uffd_check(const struct smi_uffd_fds *fds, struct smudge_error *err);

/*
 * No other part of this process changes a registration until
 * smi_uffd_release. Return: is it held? It is not for a target, whose
 * userfaultfd has one user.
 */
bool smi_uffd_hold(const struct smi_uffd_fds *fds);
void smi_uffd_release(void);

#endif
