/* SPDX-License-Identifier: MIT */
/*
 * Clients begin and cease to watch regions. memory->lock is held in all calls,
 * and no region's lock.
 */
#ifndef LIB_MEMORY_CLIENT_H
#define LIB_MEMORY_CLIENT_H

#include "memory/objects.h"

int smi_client_watch(struct smudge_client *client, struct smudge_region *region,
		     struct smudge_error *err);
/* Unlink and retire all views of @region. */
void smi_client_unwatch_all(struct smudge_region *region);

#endif
