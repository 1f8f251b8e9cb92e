/* SPDX-License-Identifier: MIT */
/*
 * Which pages of round 1 must be read, and which were never touched.
 */
#ifndef LIB_MIGRATE_SENDER_UNTOUCHED_H
#define LIB_MIGRATE_SENDER_UNTOUCHED_H

#include "migrate/sender_objects.h"

/* A round begins. @is_asked: pages that were never touched are not read. */
void smi_untouched_begin(struct smi_sender *sender, bool is_asked);

/* The receiver has answered the round: it holds all of its pages. */
void smi_untouched_held(struct smi_sender *sender);

/*
 * smi_untouched_ahead - how many pages from @rest on hold nothing, so that they
 *	can be taken at once
 * @rest: pages of the region, that are not taken yet
 *
 * A hint: what is written meanwhile shows when they are split.
 * Return: 0 or -errno.
 */
int smi_untouched_ahead(struct smi_sender *sender, struct smudge_region *region,
			struct smudge_run rest, uint64_t *ret_npages);

/*
 * smi_untouched_split - the first pages of a run that must be read
 * @run: pages of the region, not empty, that were taken and re-armed
 * @ret_read: receives them; those of @run before it are zeros. Empty, at the
 *	run's end, when all are
 *
 * Return: 0 or -errno.
 */
int smi_untouched_split(struct smi_sender *sender, struct smudge_region *region,
			struct smudge_run run, struct smudge_run *ret_read);

#endif
