/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer prunes its own folder, while saves continue: the newest layer
 * that it has in place is kept, and so are later ones.
 */
#include <errno.h>
#include <pthread.h>

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/in_place.h"
#include "checkpoint/prune.h"
#include "sys/guard.h"
#include "sys/space.h"

/* What was in place when pruning began; later ones may stand on it. */
struct own {
	struct smudge_checkpointer *cp;
	bool has_moment;
	uint64_t number, chain_ticket;
};

static void look(struct own *own)
{
	SMI_SYS_GUARD(&own->cp->lock);
	own->has_moment = own->cp->has_moment;
	own->number = own->cp->moment.number;
	own->chain_ticket = own->cp->moment.chain_ticket;
}

/* The chain that the moment is in, and every save on it, is shorter now. */
static void shorten(struct own *own, uint64_t nlayers)
{
	struct smudge_checkpointer *cp = own->cp;

	if (cp->moment.chain_ticket == own->chain_ticket)
		cp->moment.chain_nlayers -= nlayers;
	for (struct smi_save *at = cp->oldest; at; at = at->next)
		if (at->chain_ticket == own->chain_ticket)
			at->chain_nlayers -= nlayers;
}

static void merged(void *opaque, const struct smi_prune_tree *tree, size_t into,
		   size_t nlayers)
{
	struct own *own = opaque;
	size_t moment = smi_prune_tree_find(tree, own->number);
	struct smudge_checkpointer *cp = own->cp;

	if (!own->has_moment || moment == tree->n ||
	    !smi_prune_tree_stands_on(tree, moment, into))
		return;
	SMI_SYS_GUARD(&cp->lock);
	shorten(own, nlayers);
	if (moment == into && cp->moment.number == own->number)
		smi_in_place_stamp(cp->folder_fd, &cp->moment);
}

static int prune(struct smudge_checkpointer *cp,
		 const struct smudge_prune_options *options,
		 struct smudge_prune_result *ret_result,
		 struct smudge_error *err)
{
	struct own own = {.cp = cp};
	struct smi_prune_writer writer = {.merged = merged, .opaque = &own};

	SMI_SYS_GUARD(&cp->pruning);
	look(&own);
	writer.next_parent = own.has_moment ? own.number : UINT64_MAX;
	return smi_prune_folder(cp->folder_fd, options, &writer, ret_result,
				err);
}

static int check(const struct smudge_checkpointer *cp,
		 const struct smudge_prune_options *options,
		 struct smudge_error *err)
{
	if (options->folder)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"a checkpointer prunes its own folder: "
					".folder is not NULL");
	if (cp->folder_fd < 0)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"a checkpointer without a folder has "
					"nothing to prune");
	return 0;
}

int smudge_checkpointer_prune(struct smudge_checkpointer *checkpointer,
			      const struct smudge_prune_options *options,
			      struct smudge_prune_result *result,
			      struct smudge_error *err)
{
	struct smudge_prune_result own = {.size = sizeof(own)};
	struct smudge_prune_options o;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_space_check(checkpointer->space, SMI_WHERE,
				  "checkpointer", err);
	if (!ret)
		ret = smi_prune_options_copy(&o, options, err);
	if (!ret)
		ret = check(checkpointer, &o, err);
	if (!ret)
		ret = smi_prune_result_copy(result, &own, err);
	if (ret < 0)
		return ret;
	ret = prune(checkpointer, &o, &own, err);
	(void)smi_prune_result_copy(result, &own, NULL);
	return ret;
}
