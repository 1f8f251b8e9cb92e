/* SPDX-License-Identifier: MIT */
/*
 * Readers of a chain between two calls.
 */
#include "checkpoint/idle.h"

#include "sys/guard.h"

static struct smi_page_reader *take(struct smudge_chain *chain)
{
	SMI_SYS_GUARD(&chain->lock);

	return chain->nidle ? chain->idle[--chain->nidle] : NULL;
}

int smi_idle_take(struct smudge_chain *chain,
		  struct smi_page_reader **ret_reader, struct smudge_error *err)
{
	struct smi_page_reader *reader = take(chain);

	if (!reader)
		return smi_page_reader_create(chain, ret_reader, err);
	*ret_reader = reader;
	return 0;
}

/* Return: is it kept? */
static bool keep(struct smudge_chain *chain, struct smi_page_reader *reader)
{
	SMI_SYS_GUARD(&chain->lock);

	if (chain->nidle == SMI_CHAIN_IDLE_READERS)
		return false;
	chain->idle[chain->nidle++] = reader;
	return true;
}

void smi_idle_put(struct smudge_chain *chain, struct smi_page_reader *reader)
{
	smi_page_reader_rest(reader);
	if (!keep(chain, reader))
		smi_page_reader_destroy(reader);
}

void smi_idle_clear(struct smudge_chain *chain)
{
	while (chain->nidle)
		smi_page_reader_destroy(chain->idle[--chain->nidle]);
}
