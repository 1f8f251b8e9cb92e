/* SPDX-License-Identifier: MIT */
/*
 * The outcome of a migration.
 *
 * -ECANCELED and -EOWNERDEAD have one meaning each for the caller, which
 * decides by them whether it runs the machine. A callback or a source may fail
 * with the same number for another reason: that becomes -EIO.
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
