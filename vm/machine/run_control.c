/* SPDX-License-Identifier: MIT */
/*
 * The only caller of machine_pause and machine_resume but for tests.
 *
 * Invariant: from run_control_leave until the migration has ended the place
 * is GUEST_ON_ITS_WAY, and only run_control_come_back starts the machine.
 * While a checkpoint holds the guest only run_control_release starts it, and
 * the state says whether it will: save-vm.
 */
#include "machine/run_control.h"

#include <errno.h>

#include "machine/internal.h"

#define WHERE "run_control"

static void lock(struct machine *machine)
{
	pthread_mutex_lock(&machine->control.lock);
}

static void unlock(struct machine *machine)
{
	pthread_mutex_unlock(&machine->control.lock);
}

static int check_ended(struct machine *machine, struct smudge_error *err)
{
	enum machine_run_state state = machine_run_state(machine);

	if (state != MACHINE_SHUTDOWN && state != MACHINE_INTERNAL_ERROR)
		return 0;
	if (*machine_error(machine))
		return smudge_error_set(err, -EINVAL, WHERE,
					"the guest has failed: %.200s",
					machine_error(machine));
	return smudge_error_set(err, -EINVAL, WHERE,
				"the guest has ended: its state is '%s'",
				machine_run_state_name(state));
}

static int check_locked(struct machine *machine, struct smudge_error *err)
{
	if (machine->control.is_ending)
		return smudge_error_set(err, -ESHUTDOWN, WHERE,
					"smudge-vm is ending");
	switch (machine->control.place) {
	case GUEST_ON_ITS_WAY:
		return smudge_error_set(err, -EBUSY, WHERE,
					"the migration is not finished yet: "
					"the guest is on its way");
	case GUEST_UNCONFIRMED:
		return smudge_error_set(
			err, -EPERM, WHERE,
			"the destination did not confirm: the guest may run "
			"there; make sure that it does not, then "
			"x-smudge-take-back and cont");
	case GUEST_AWAY:
		return smudge_error_set(err, -EPERM, WHERE,
					"the guest was migrated away: it is "
					"at the destination");
	case GUEST_HERE:
		break;
	}
	return check_ended(machine, err);
}

int run_control_check(struct machine *machine, struct smudge_error *err)
{
	int ret;

	lock(machine);
	ret = check_locked(machine, err);
	unlock(machine);
	return ret;
}

static int cont_locked(struct machine *machine, struct smudge_error *err)
{
	int ret = check_locked(machine, err);

	if (ret)
		return ret;
	if (machine_run_state(machine) == MACHINE_INMIGRATE) {
		machine->control.stops_on_arrival = false;
		return 0;
	}
	if (machine->control.is_held)
		return machine_set_run_state(machine, MACHINE_SAVE_VM);
	if (machine_resume(machine))
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"the guest cannot run from the state '%s'",
			machine_run_state_name(machine_run_state(machine)));
	return 0;
}

int run_control_cont(struct machine *machine, struct smudge_error *err)
{
	int ret;

	lock(machine);
	ret = cont_locked(machine, err);
	unlock(machine);
	return ret;
}

int run_control_stop(struct machine *machine, struct smudge_error *err)
{
	int ret;

	lock(machine);
	ret = check_locked(machine, err);
	if (!ret && machine_run_state(machine) == MACHINE_INMIGRATE)
		machine->control.stops_on_arrival = true;
	else if (!ret && machine_run_state(machine) == MACHINE_SAVE_VM)
		machine_set_run_state(machine, MACHINE_PAUSED);
	else if (!ret)
		machine_pause(machine, MACHINE_PAUSED);
	unlock(machine);
	return ret;
}

static int hold_locked(struct machine *machine, struct smudge_error *err)
{
	int ret = check_locked(machine, err);

	if (ret)
		return ret;
	if (machine_run_state(machine) == MACHINE_INMIGRATE)
		return smudge_error_set(err, -EBUSY, WHERE,
					"the guest has not arrived yet");
	if (machine->control.is_held)
		return smudge_error_set(err, -EBUSY, WHERE,
					"the guest is paused for another "
					"checkpoint");
	machine_pause(machine, MACHINE_SAVE_VM);
	/* perhaps it ended as it was to pause */
	ret = check_ended(machine, err);
	machine->control.is_held = !ret;
	return ret;
}

int run_control_hold(struct machine *machine, struct smudge_error *err)
{
	int ret;

	lock(machine);
	ret = hold_locked(machine, err);
	unlock(machine);
	return ret;
}

void run_control_release(struct machine *machine)
{
	struct run_control *control = &machine->control;

	lock(machine);
	control->is_held = false;
	if (machine_run_state(machine) == MACHINE_SAVE_VM) {
		if (control->is_ending)
			machine_set_run_state(machine, MACHINE_PAUSED);
		else
			machine_resume(machine);
	}
	pthread_cond_broadcast(&control->released);
	unlock(machine);
}

/*
 * Return: 0, or -ESHUTDOWN: it ended or failed, perhaps as it was to stop, and
 * stays in that state.
 */
static int stop_to_leave(struct machine *machine)
{
	struct run_control *control = &machine->control;
	enum machine_run_state state;

	control->was_running = machine_pause(machine, MACHINE_FINISH_MIGRATE);
	state = machine_run_state(machine);
	if (state == MACHINE_SHUTDOWN || state == MACHINE_INTERNAL_ERROR)
		return -ESHUTDOWN;
	control->state_before = control->was_running ? MACHINE_PAUSED : state;
	if (!control->was_running)
		machine_set_run_state(machine, MACHINE_FINISH_MIGRATE);
	return 0;
}

int run_control_leave(struct machine *machine, bool *ret_was_running)
{
	int ret;

	lock(machine);
	while (machine->control.is_held)
		pthread_cond_wait(&machine->control.released,
				  &machine->control.lock);
	ret = stop_to_leave(machine);
	if (!ret) {
		machine->control.place = GUEST_ON_ITS_WAY;
		*ret_was_running = machine->control.was_running;
	}
	unlock(machine);
	return ret;
}

void run_control_come_back(struct machine *machine)
{
	struct run_control *control = &machine->control;

	lock(machine);
	if (machine_run_state(machine) == MACHINE_FINISH_MIGRATE) {
		if (control->was_running && !control->is_ending)
			machine_resume(machine);
		else
			machine_set_run_state(machine, control->state_before);
	}
	control->place = GUEST_HERE;
	unlock(machine);
}

void run_control_set_place(struct machine *machine, enum guest_place place)
{
	struct run_control *control = &machine->control;

	lock(machine);
	if (control->place == GUEST_ON_ITS_WAY && place != GUEST_HERE)
		machine_set_run_state(machine, MACHINE_POSTMIGRATE);
	control->place = place;
	unlock(machine);
}

void run_control_arrive(struct machine *machine, bool was_running)
{
	struct run_control *control = &machine->control;
	bool runs = false;

	lock(machine);
	if (was_running && !control->stops_on_arrival && !control->is_ending)
		runs = machine_resume(machine) == 0;
	if (!runs)
		machine_set_run_state(machine, MACHINE_PAUSED);
	unlock(machine);
}

bool run_control_is_unconfirmed(struct machine *machine)
{
	bool is_unconfirmed;

	lock(machine);
	is_unconfirmed = machine->control.place == GUEST_UNCONFIRMED;
	unlock(machine);
	return is_unconfirmed;
}

int run_control_take_back(struct machine *machine, struct smudge_error *err)
{
	int ret = 0;

	lock(machine);
	if (machine->control.place == GUEST_UNCONFIRMED) {
		machine->control.place = GUEST_HERE;
		machine_set_run_state(machine, MACHINE_PAUSED);
	} else {
		ret = smudge_error_set(err, -EPERM, WHERE,
				       "no migration is left unconfirmed here");
	}
	unlock(machine);
	return ret;
}

void run_control_end(struct machine *machine)
{
	lock(machine);
	machine->control.is_ending = true;
	unlock(machine);
}
