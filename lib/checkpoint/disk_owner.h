/* SPDX-License-Identifier: MIT */
/*
 * Which writer has a disk. There is no lock of it, so the one that writes
 * puts a random mark in place of the footer, and looks there again and again
 * whether it is still its own. The writer that came last has the disk; who
 * finds another mark stops writing and fails. A writer that comes to a disk
 * that is not as it left it gives others the time to find out, before it
 * writes anything but its mark.
 *
 * What is not prevented: a write that was under way for longer than that time,
 * of a writer that stood still or whose network did.
 */
#ifndef LIB_CHECKPOINT_DISK_OWNER_H
#define LIB_CHECKPOINT_DISK_OWNER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/disk.h"
#include "qcow2/format.h"

/* How long others have to stop; ten times that where one seems to write. */
#define SMI_DISK_OTHERS_STOP_NS UINT64_C(100000000)

struct smi_disk_owner {
	uint64_t page; /* of the disk, its last */
	uint8_t mark[SMI_QCOW2_PAGE_BYTES];
	/* Relaxed: threads get their calls after both are set. */
	atomic_bool is_writing;
	atomic_bool is_lost; /* since it began, as far as was looked */
	_Atomic uint64_t next_check_ns;
};

/*
 * smi_disk_owner_choose - a mark that no other writer knows
 * Return: 0, -EIO.
 */
int smi_disk_owner_choose(struct smi_disk_owner *owner,
			  struct smudge_error *err);

/* Is @page a mark, and another writer's? */
bool smi_disk_owner_is_other(const struct smi_disk_owner *owner,
			     const uint8_t *page);

/* The mark is on the disk, and nothing else is written there. */
void smi_disk_owner_begin(struct smi_disk_owner *owner);
void smi_disk_owner_end(struct smi_disk_owner *owner);

bool smi_disk_owner_is_lost(const struct smi_disk_owner *owner);

/* Another mark was found. Return: -EBUSY, with the sentence. */
int smi_disk_owner_lose(struct smi_disk_owner *owner, struct smudge_error *err);

/*
 * smi_disk_owner_check - is the mark there, if it was not looked at just now?
 * Threads: several. Return: 1 if it was looked at, else 0; -EBUSY, or as read.
 */
int smi_disk_owner_check(struct smi_disk_owner *owner,
			 const struct smi_disk *disk, struct smudge_error *err);

#endif
