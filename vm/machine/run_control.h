/* SPDX-License-Identifier: MIT */
/*
 * Who may start and stop the machine, and when.
 *
 * A user's cont and stop, a checkpoint's pause and a migration's hand-over all
 * go through here, so that no cont can start a guest between the moment a
 * migration stopped it and the peer's acknowledgement: it could then run at
 * both ends.
 *
 * Locks: one of its own, held while the machine is paused or resumed, and
 * taken before the machine's. Threads: any.
 */
#ifndef VM_MACHINE_RUN_CONTROL_H
#define VM_MACHINE_RUN_CONTROL_H

#include <stdbool.h>

struct machine;
struct smudge_error;

/* Where the guest is. It may be started only where it is. */
enum guest_place {
	GUEST_HERE,
	GUEST_ON_ITS_WAY, /* an outgoing migration stopped it */
	GUEST_AWAY,	  /* the destination has it */
	GUEST_UNCONFIRMED /* handed over; the destination may have it */
};

/*
 * run_control_cont - let the guest run, now or once it has arrived
 * run_control_stop - stop the guest, now or once it has arrived
 *
 * run_control_stop blocks until all vCPUs are out, see machine_pause.
 * Return: as run_control_check, and -EINVAL when it cannot run.
 */
int run_control_cont(struct machine *machine, struct smudge_error *err);
int run_control_stop(struct machine *machine, struct smudge_error *err);

/*
 * run_control_check - can the guest be commanded here?
 * Return: 0, -EBUSY (it is on its way), -EPERM (it is away, or unconfirmed),
 * -EINVAL (it has ended), -ESHUTDOWN (the process ends), with one sentence.
 */
int run_control_check(struct machine *machine, struct smudge_error *err);

/*
 * run_control_hold - pause the guest for a checkpoint
 *
 * Blocks until all vCPUs are out. run_control_release must follow a success.
 * Until then a guest that ran is in the state save-vm, stop and cont only
 * choose what it does afterwards, and a migration that stops it waits.
 * Return: as run_control_check, and -EBUSY (it has not arrived yet, or is held
 * already).
 */
int run_control_hold(struct machine *machine, struct smudge_error *err);
void run_control_release(struct machine *machine);

/*
 * run_control_leave - an outgoing migration stops the guest: it is on its way
 * @ret_was_running: written only on success
 *
 * Blocks until all vCPUs are out, and no checkpoint holds them.
 * run_control_come_back or run_control_set_place must follow.
 * Return: 0, or -ESHUTDOWN (the guest ended or failed: nothing to send).
 */
int run_control_leave(struct machine *machine, bool *ret_was_running);

/* The migration failed: the guest is here, and in the state it was in. */
void run_control_come_back(struct machine *machine);

/*
 * run_control_set_place - an outgoing migration has ended
 * @place: not GUEST_ON_ITS_WAY
 *
 * The run state becomes postmigrate when a guest that was on its way is not
 * here any more.
 */
void run_control_set_place(struct machine *machine, enum guest_place place);

/*
 * run_control_arrive - an incoming guest is here, its state loaded
 * @was_running: it ran where it came from
 *
 * It runs if it did, unless run_control_stop was called meanwhile.
 */
void run_control_arrive(struct machine *machine, bool was_running);

bool run_control_is_unconfirmed(struct machine *machine);

/*
 * run_control_take_back - the user knows that the destination does not run it
 *
 * An unconfirmed guest is an ordinary paused one afterwards.
 * Return: 0, -EPERM (no guest is unconfirmed) with one sentence.
 */
int run_control_take_back(struct machine *machine, struct smudge_error *err);

/*
 * run_control_end - the process ends: nothing starts the guest any more
 *
 * It is not stopped: a migration would hand over a paused guest.
 */
void run_control_end(struct machine *machine);

#endif
