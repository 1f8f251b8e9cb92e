/* SPDX-License-Identifier: MIT */
/*
 * A live image while it is written: what target_disk.c and live_begin.c share.
 */
#ifndef LIB_CHECKPOINT_LIVE_H
#define LIB_CHECKPOINT_LIVE_H

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/disk_writer.h"
#include "checkpoint/target.h"

struct smi_live {
	struct smi_target target;
	struct smudge_checkpointer *cp;
	struct smi_disk_context *context;
	struct smi_disk_writer writer;
	struct smi_save *save;
	uint64_t npages; /* of the device */
	bool is_writing; /* the lock's: a cancel is for this save */
	bool is_torn;	 /* begun, and not whole */
	bool is_known;	 /* the device's footer is this one, if not torn */
	uint8_t footer[SMI_QCOW2_PAGE_BYTES];
	/* Relaxed: who reads it without the lock is told by the queue's end. */
	atomic_bool needs_full;
};

static inline struct smi_live *smi_live_of(struct smi_target *target)
{
	return (struct smi_live *)target;
}

void smi_live_need_full(struct smi_live *live, bool does);

/* A save is being written, or no more. */
void smi_live_show(struct smi_live *live, bool is_writing);

/* As smi_target_ops has it. */
int smi_live_begin(struct smi_target *target, struct smi_save *save,
		   const struct smi_moment *parent, struct smudge_error *err);

/*
 * smi_live_check_page - is the device's last page as this writer left it?
 * Return: 0, -EBUSY: all that was written may be another one's; or as read.
 */
int smi_live_check_page(struct smi_live *live, const uint8_t *expected,
			struct smudge_error *err);

#endif
