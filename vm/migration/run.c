/* SPDX-License-Identifier: MIT */
/*
 * A user's cont and stop, which must not cross a migration's switch-over.
 */
#include "migration/job.h"

#include <errno.h>

static int no_such_guest(struct migration *migration, struct smudge_error *err)
{
	enum machine_run_state state = machine_run_state(migration->machine);

	if (migration->place == MIGRATION_AT_UNKNOWN)
		return smudge_error_set(
			err, -EPERM, "migration",
			"the destination did not confirm: the guest may run "
			"there; make sure that it does not, then "
			"x-smudge-take-back and cont");
	if (state == MACHINE_POSTMIGRATE)
		return smudge_error_set(err, -EPERM, "migration",
					"the guest was migrated away: it is "
					"at the destination");
	if (state == MACHINE_SHUTDOWN || state == MACHINE_INTERNAL_ERROR)
		return smudge_error_set(err, -EINVAL, "migration",
					"the guest has ended: its state is "
					"'%s'",
					machine_run_state_name(state));
	return 0;
}

int migration_check_here(struct migration *migration, struct smudge_error *err)
{
	if (migration->ending)
		return smudge_error_set(err, -ESHUTDOWN, "migration",
					"smudge-vm is ending");
	if (migration->switching)
		return smudge_error_set(err, -EBUSY, "migration",
					"the migration is not finished yet: "
					"the guest is on its way");
	return no_such_guest(migration, err);
}

static int cont_locked(struct migration *migration, struct smudge_error *err)
{
	struct machine *machine = migration->machine;
	int rc = migration_check_here(migration, err);

	if (rc)
		return rc;
	if (machine_run_state(machine) == MACHINE_INMIGRATE) {
		migration->autostart = true;
		return 0;
	}
	if (machine_resume(machine))
		return smudge_error_set(
			err, -EINVAL, "migration",
			"the guest cannot run from the state '%s'",
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

int migration_stop(struct migration *migration, struct smudge_error *err)
{
	int rc;

	pthread_mutex_lock(&migration->run_lock);
	rc = migration_check_here(migration, err);
	if (!rc && machine_run_state(migration->machine) == MACHINE_INMIGRATE)
		migration->autostart = false;
	else if (!rc)
		machine_pause(migration->machine, MACHINE_PAUSED);
	pthread_mutex_unlock(&migration->run_lock);
	return rc;
}

bool migration_is_unconfirmed(struct migration *migration)
{
	bool unconfirmed;

	pthread_mutex_lock(&migration->run_lock);
	unconfirmed = migration->place == MIGRATION_AT_UNKNOWN;
	pthread_mutex_unlock(&migration->run_lock);
	return unconfirmed;
}

int migration_take_back(struct migration *migration, struct smudge_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&migration->run_lock);
	pthread_mutex_lock(&migration->lock);
	if (migration->place == MIGRATION_AT_UNKNOWN)
		migration->place = MIGRATION_AT_SOURCE;
	else
		rc = smudge_error_set(err, -EPERM, "migration",
				      "no migration is left unconfirmed here");
	pthread_mutex_unlock(&migration->lock);
	if (!rc)
		machine_set_run_state(migration->machine, MACHINE_PAUSED);
	pthread_mutex_unlock(&migration->run_lock);
	return rc;
}
