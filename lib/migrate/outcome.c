/* SPDX-License-Identifier: MIT */
/*
 * What a migration came to.
 *
 * -ECANCELED and -EOWNERDEAD mean one thing each to a caller, and decide
 * whether it runs the machine. A callback or a source may fail with the same
 * number for a reason of its own, which says neither: it becomes -EIO.
 */
#include "migrate/outcome.h"

#include <errno.h>

struct smi_migrate_outcome
smi_migrate_outcome(const struct smi_migrate_facts *facts)
{
	int ret = facts->error;

	if (facts->is_handed_over && facts->is_confirmed)
		return (struct smi_migrate_outcome){SMUDGE_MIGRATE_COMPLETED,
						    0};
	if (facts->is_handed_over)
		return (struct smi_migrate_outcome){SMUDGE_MIGRATE_UNCONFIRMED,
						    -EOWNERDEAD};
	if (facts->is_given_up)
		return (struct smi_migrate_outcome){SMUDGE_MIGRATE_CANCELLED,
						    -ECANCELED};
	if (ret == -ECANCELED || ret == -EOWNERDEAD || ret >= 0)
		ret = -EIO;
	return (struct smi_migrate_outcome){SMUDGE_MIGRATE_FAILED, ret};
}
