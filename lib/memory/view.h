/* SPDX-License-Identifier: MIT */
/*
 * Views: one client's bits of one region.
 */
#ifndef LIB_MEMORY_VIEW_H
#define LIB_MEMORY_VIEW_H

#include "memory/objects.h"

/* A view with every page dirty, not linked yet. Return: 0, -ENOMEM. */
int smi_view_create(struct smudge_client *client, struct smudge_region *region,
		    struct smi_view **ret_view);
/* One that was never linked. NULL is a no-op. */
void smi_view_destroy(struct smi_view *view);

/*
 * Both locks held. Linking the first view that sources report to starts the
 * sources, unlinking the last one stops them. After an unlink, call
 * smi_view_retire.
 */
int smi_view_link(struct smi_view *view, struct smudge_error *err);
void smi_view_unlink(struct smi_view *view);
/* memory->lock held: smi_reclaim_later destroys it. */
void smi_view_retire(struct smi_view *view);

/* @client's view of @region, or NULL. Either lock held. */
struct smi_view *smi_view_find(const struct smudge_region *region,
			       const struct smudge_client *client);
/*
 * The view was linked without a grace period: pages that are taken from it stay
 * dirty until a barrier has worked. The region's lock is not held.
 */
void smi_view_owe_barrier(struct smi_view *view);
/* Is a batch neither committed nor returned? Locks: none. */
bool smi_view_has_batches(const struct smi_view *view);

#endif
