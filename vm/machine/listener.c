/* SPDX-License-Identifier: MIT */
/*
 * What the machine tells others: that its state changed, and that the process
 * is to end.
 */
#include "machine/internal.h"

#include <errno.h>
#include <unistd.h>

void machine_notify(struct machine *machine, enum machine_run_state from,
		    enum machine_run_state to)
{
	if (from == to)
		return;
	pthread_mutex_lock(&machine->listener_lock);
	if (machine->listener.changed)
		machine->listener.changed(machine->listener.opaque, from, to);
	pthread_mutex_unlock(&machine->listener_lock);
}

void machine_set_listener(struct machine *machine,
			  const struct machine_listener *listener)
{
	pthread_mutex_lock(&machine->listener_lock);
	machine->listener = listener ? *listener : (struct machine_listener){0};
	pthread_mutex_unlock(&machine->listener_lock);
}

void machine_request_exit(struct machine *machine,
			  enum machine_exit_reason reason, int status)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&machine->lock);
	if (machine->exit_reason == MACHINE_EXIT_NONE) {
		machine->exit_reason = reason;
		machine->exit_status = status;
	}
	pthread_mutex_unlock(&machine->lock);
	/* the counter cannot overflow in a process's life */
	while (write(machine->exit_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
