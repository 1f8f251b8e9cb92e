/* SPDX-License-Identifier: MIT */
/*
 * The threads of a pager, which answer page faults.
 */
#ifndef LIB_MEMORY_PAGER_SERVE_H
#define LIB_MEMORY_PAGER_SERVE_H

#include "memory/pager_objects.h"

/*
 * smi_pager_start - create the threads
 *
 * They answer nothing before smi_pager_serve, which the same thread calls.
 * Return: 0, -EAGAIN (no thread), -EMFILE, -ENFILE; stopped also then.
 */
int smi_pager_start(struct smudge_pager *pager, struct smudge_error *err);
void smi_pager_serve(struct smudge_pager *pager);
void smi_pager_stop(struct smudge_pager *pager);

/* Does a thread wait for a page that none has begun to bring? */
bool smi_pager_is_waited(const struct smudge_pager *pager);

#endif
