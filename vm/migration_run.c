/* SPDX-License-Identifier: MIT */
/*
 * A user's cont and stop, which must not cross a migration's switch-over.
 */
#include "migration_job.h"

#include <errno.h>

static int cont_locked(struct migration *migration, struct smudge_error *err)
{
	struct machine *machine = migration->machine;

	if (migration->switching)
		return smudge_error_set(err, -EBUSY, "migration",
					"the migration is not finished yet: "
					"the guest is on its way");
	if (migration->unconfirmed)
		return smudge_error_set(
			err, -EPERM, "migration",
			"the destination did not confirm: the "
			"guest may run there; make sure that it "
			"does not, then x-smudge-take-back and "
			"cont");
	if (migration->moved)
		return smudge_error_set(err, -EPERM, "migration",
					"the guest was migrated away; running "
					"it here too would make two of it");
	if (machine_run_state(machine) == MACHINE_INMIGRATE) {
		migration->autostart = true;
		return 0;
	}
	if (machine_resume(machine))
		return smudge_error_set(
			err, -EINVAL, "migration",
			"the guest cannot run from the state "
			"'%s'",
			machine_run_state_name(machine_run_state(machine)));
	return 0;
}

int migration_cont(struct migration *migration, struct smudge_error *err)
{
	int rc;

	pthread_mutex_lock(&migration->run_lock);
	rc = cont_locked(migration, err);
	pthread_mutex_unlock(&migration->run_lock);
	return rc;
}

void migration_stop(struct migration *migration)
{
	pthread_mutex_lock(&migration->run_lock);
	if (machine_run_state(migration->machine) == MACHINE_INMIGRATE)
		migration->autostart = false;
	else if (migration->switching)
		/* a failed migration then leaves it paused */
		migration->was_running = false;
	else
		machine_pause(migration->machine, MACHINE_PAUSED);
	pthread_mutex_unlock(&migration->run_lock);
}

bool migration_is_unconfirmed(struct migration *migration)
{
	bool unconfirmed;

	pthread_mutex_lock(&migration->run_lock);
	unconfirmed = migration->unconfirmed;
	pthread_mutex_unlock(&migration->run_lock);
	return unconfirmed;
}

int migration_take_back(struct migration *migration, struct smudge_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&migration->run_lock);
	if (migration->unconfirmed) {
		migration->unconfirmed = false;
		migration->moved = false;
		machine_set_run_state(migration->machine, MACHINE_PAUSED);
	} else {
		rc = smudge_error_set(err, -EPERM, "migration",
				      "no migration is left unconfirmed here");
	}
	pthread_mutex_unlock(&migration->run_lock);
	return rc;
}
