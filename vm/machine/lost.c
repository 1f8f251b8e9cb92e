/* SPDX-License-Identifier: MIT */
/*
 * A machine that loses its memory while it comes in.
 *
 * Pages that are lost are inaccessible before the loss is reported here. So an
 * engine may fail at one before; its own error says only that it cannot be
 * read, and run.c asks what happened.
 */
#include "machine/internal.h"

#include <errno.h>

void machine_set_memory_check(struct machine *machine,
			      const struct machine_memory_check *check)
{
	pthread_mutex_lock(&machine->lock);
	machine->memory_check =
		check ? *check : (struct machine_memory_check){0};
	pthread_mutex_unlock(&machine->lock);
}

/* A guest that is not here any more, or has ended, does not fail by it. */
static bool concerns_guest(enum machine_run_state state)
{
	return state != MACHINE_POSTMIGRATE && state != MACHINE_SHUTDOWN;
}

void machine_lose_memory(struct machine *machine,
			 const struct smudge_error *why)
{
	enum machine_run_state from;

	pthread_mutex_lock(&machine->lock);
	machine->is_memory_lost = true;
	from = machine->state;
	if (why && concerns_guest(from))
		machine_fail_locked(machine, why);
	pthread_mutex_unlock(&machine->lock);
	machine_wait_until_out(machine);
	machine_notify(machine, from, machine_run_state(machine));
}

int machine_check_memory(struct machine *machine, struct smudge_error *err)
{
	const char *why = machine_error(machine);
	bool is_lost;

	pthread_mutex_lock(&machine->lock);
	is_lost = machine->is_memory_lost;
	pthread_mutex_unlock(&machine->lock);
	if (!is_lost)
		return 0;
	return smudge_error_set(err, -EIO, "machine",
				"the guest's memory did not all come in: "
				"%.200s",
				*why ? why : "smudge-vm ends");
}
