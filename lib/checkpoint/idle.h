/* SPDX-License-Identifier: MIT */
/*
 * Readers of a chain between two calls. A reader has learned where pages are,
 * which for a long chain costs more than reading some of them. While it is
 * idle it has no descriptor.
 */
#ifndef LIB_CHECKPOINT_IDLE_H
#define LIB_CHECKPOINT_IDLE_H

#include <smudge/error.h>

#include "checkpoint/chain.h"
#include "checkpoint/page_reader.h"

/*
 * smi_idle_take - an idle reader of the chain, or a new one
 * @ret_reader: the caller's, until smi_idle_put, or smi_page_reader_destroy
 *      after a failure
 *
 * Blocks: on the chain's lock. Threads: any.
 * Return: 0, -ENOMEM.
 */
int smi_idle_take(struct smudge_chain *chain,
		  struct smi_page_reader **ret_reader,
		  struct smudge_error *err);

/* Some are kept; those beyond are destroyed. */
void smi_idle_put(struct smudge_chain *chain, struct smi_page_reader *reader);

/* Destroy those that are kept; no other call uses the chain. */
void smi_idle_clear(struct smudge_chain *chain);

#endif
