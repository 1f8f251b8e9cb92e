/* SPDX-License-Identifier: MIT */
/*
 * smudge-vm: a small virtual machine monitor that tracks its guest's dirty
 * memory with smudge.
 *
 * The main thread builds the machine and waits: for the machine's request to
 * exit, or for a signal (base/ending.h), so no clean-up runs in a signal
 * handler. After a signal it prints in which state the guest was.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <smudge/error.h>

#include "common/streams.h"
#include "common/wait.h"
#include "config.h"
#include "control/control.h"
#include "base/ending.h"
#include "base/library_log.h"
#include "machine/machine.h"
#include "machine/run_control.h"
#include "options.h"
#include "base/say.h"

#define STATUS_ERROR 1
#define STATUS_USAGE 2

/* What describe_guest needs. */
struct guest {
	struct machine *machine;
	struct control *control;
	enum machine_run_state state; /* when the end began */
};

static int report(const struct smudge_error *err)
{
	say("%s", err->message);
	return STATUS_ERROR;
}

static const char *describe_guest(void *opaque)
{
	struct guest *guest = opaque;
	enum machine_run_state now = machine_run_state(guest->machine);

	/* the end itself paused it */
	if (now == MACHINE_PAUSED && (guest->state == MACHINE_RUNNING ||
				      guest->state == MACHINE_SAVE_VM))
		now = MACHINE_RUNNING;
	if (now == MACHINE_PAUSED && guest->state == MACHINE_FINISH_MIGRATE)
		return "the migration was given up, and the guest ends here";
	switch (now) {
	case MACHINE_PRELAUNCH:
		return "the guest had not started";
	case MACHINE_INMIGRATE:
		return "the guest had not arrived";
	case MACHINE_RUNNING:
	case MACHINE_SAVE_VM:
		return "the guest was running";
	case MACHINE_PAUSED:
		return "the guest was paused";
	case MACHINE_POSTMIGRATE:
		if (!control_is_unconfirmed(guest->control))
			return "the guest has been handed over";
		break;
	case MACHINE_FINISH_MIGRATE: /* the process ended before the outcome was
					known */
		break;
	case MACHINE_SHUTDOWN:
		return "the guest had ended";
	case MACHINE_INTERNAL_ERROR:
		return "the guest had failed";
	}
	return "its migration was not confirmed: the guest may run at the "
	       "destination";
}

static void wait_for_end(struct machine *machine, struct ending *ending)
{
	wait_ready(machine_exit_fd(machine), POLLIN, ending_fd(ending),
		   WAIT_FOR_EVER);
	if (ending_signal(ending))
		machine_request_exit(machine, MACHINE_EXIT_SIGNAL, 0);
}

static int exit_status(struct machine *machine)
{
	int status;

	switch (machine_exit_reason(machine, &status)) {
	case MACHINE_EXIT_TRIPLE_FAULT:
		say("the guest shut its processor down (triple fault)");
		break;
	case MACHINE_EXIT_ERROR:
		/* a failed incoming migration has printed its reason */
		if (*machine_error(machine))
			say("%s", machine_error(machine));
		break;
	default:
		break;
	}
	return status;
}

static void introduce(const struct guest *guest)
{
	say("%s", machine_describe(guest->machine));
	if (control_describe_vnc(guest->control))
		say("%s", control_describe_vnc(guest->control));
}

static int serve(struct guest *guest, const struct vm_options *options,
		 struct ending *ending, struct smudge_error *err)
{
	struct machine *machine = guest->machine;
	int ret;

	ret = control_open(machine, &options->control, &guest->control, err);
	if (ret < 0)
		return ret;
	introduce(guest);
	if (control_is_to_start(guest->control) && !ending_signal(ending))
		ret = run_control_cont(machine, err);
	if (!ret)
		ret = control_serve(guest->control, err);
	if (ret < 0)
		return ret;
	wait_for_end(machine, ending);
	guest->state = machine_run_state(machine);
	control_stop(guest->control);
	ret = exit_status(machine);
	if (!ending_signal(ending) && control_last_words(guest->control))
		say("%s", control_last_words(guest->control));
	if (!ret && (control_is_unconfirmed(guest->control) ||
		     guest->state == MACHINE_INTERNAL_ERROR))
		ret = STATUS_ERROR;
	return ret;
}

/* A signal ends this before the next step. */
static int build_and_serve(struct guest *guest,
			   const struct vm_options *options,
			   struct ending *ending, struct smudge_error *err)
{
	int ret = 0;

	if (options->kernel && !ending_signal(ending))
		ret = machine_load_kernel(guest->machine, options->kernel,
					  options->append, err);
	if (ret == 0)
		ret = machine_start(guest->machine, err);
	if (ret == 0 && !ending_signal(ending))
		ret = serve(guest, options, ending, err);
	return ret == -ECANCELED && ending_signal(ending) ? 0 : ret;
}

static int run(const struct vm_options *options, struct ending *ending,
	       struct smudge_error *err)
{
	struct guest guest = {0};
	const char *last;
	int ret = machine_create(&options->machine, &guest.machine, err);

	if (ret < 0)
		return ret;
	ending_set_guest(ending, describe_guest, &guest);
	ret = build_and_serve(&guest, options, ending, err);
	last = describe_guest(&guest);
	if (ret >= 0 && ending_signal(ending))
		say("ended by %s; %s", ending_signal(ending), last);
	if (ret == 0)
		ret = ending_status(ending);
	ending_forget_guest(ending, last);
	control_close(guest.control);
	machine_destroy(guest.machine);
	return ret;
}

static int run_until_end(struct vm_options *options)
{
	struct smudge_error err = {0};
	struct smudge_log *log = NULL;
	struct ending *ending;
	int ret = ending_create(&ending, &err);

	if (ret == 0)
		ret = library_log_open(options->verbose, &log, &err);
	if (ret < 0)
		return report(&err);
	options->control.end_fd = ending_fd(ending);
	ret = run(options, ending, &err);
	smudge_log_close(log);
	ending_destroy(ending);
	return ret < 0 ? report(&err) : ret;
}

static int print(const char *text)
{
	int ret;

	fputs(text, stdout);
	ret = streams_finish();
	if (ret < 0)
		say("cannot write to standard output: %s", strerror(-ret));
	return ret < 0 ? STATUS_ERROR : 0;
}

int main(int argc, char *argv[])
{
	struct smudge_error err = {0};
	struct vm_options options;
	int ret = streams_prepare();

	if (ret < 0)
		return STATUS_ERROR;
	if (options_parse(argc, argv, &options, &err) < 0 ||
	    (options.action == VM_ACTION_RUN &&
	     control_check_words(&options.control, &err) < 0)) {
		report(&err);
		return STATUS_USAGE;
	}
	switch (options.action) {
	case VM_ACTION_HELP:
		return print(options_help());
	case VM_ACTION_VERSION:
		return print("smudge-vm " SMUDGE_VM_VERSION "\n");
	case VM_ACTION_RUN:
		break;
	}
	return run_until_end(&options);
}
