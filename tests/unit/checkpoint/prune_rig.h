/* SPDX-License-Identifier: MIT */
/*
 * A folder of layers that are saved and pruned, with what each was: so that
 * whatever is left of them is compared.
 */
#ifndef TESTS_UNIT_CHECKPOINT_PRUNE_RIG_H
#define TESTS_UNIT_CHECKPOINT_PRUNE_RIG_H

#include <smudge/prune.h>

#include "moments.h"

#define PRUNE_RIG_MAX	  24 /* layers, removed ones included */
#define PRUNE_RIG_STEP_NS UINT64_C(1200000000000) /* three in an hour */

struct prune_rig {
	struct moments m; /* has the writer's lock */
	char folder[64];
	struct moment kept[PRUNE_RIG_MAX + 1]; /* of layer n */
	bool is_full[PRUNE_RIG_MAX + 1];       /* as it was saved */
};

void prune_rig_open(struct prune_rig *rig, const char *folder);
void prune_rig_close(struct prune_rig *rig);

/*
 * One layer more, of a memory that changed; without @regions_too a page is the
 * first layer's.
 */
void prune_rig_save(struct prune_rig *rig, struct test_rng *rng,
		    bool regions_too, bool is_full);

/* Prune as the one who has the lock. */
int prune_rig_prune(struct prune_rig *rig,
		    const struct smudge_prune_options *options,
		    struct smudge_prune_result *ret_result,
		    struct smudge_error *err);

/* Numbers of the layers in a folder. Return: how many. */
size_t prune_rig_numbers(const char *folder, uint64_t numbers[PRUNE_RIG_MAX]);

/*
 * Why layer @number of a folder does not show what it did, or NULL. Also if it
 * cannot be opened.
 */
const char *prune_rig_wrong(struct prune_rig *rig, const char *folder,
			    uint64_t number);

/* Fails unless every layer that is in the folder shows what it did. */
void prune_rig_check(struct prune_rig *rig);

#endif
