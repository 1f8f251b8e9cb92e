/* SPDX-License-Identifier: MIT */
/*
 * The end by a signal: one rule for every thread of smudge-vm.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked in every thread, unless they were
 * ignored when smudge-vm began (common/signals.h). A thread of its own reads
 * them and makes a descriptor readable. A thread that waits for
 * something that may never happen polls that descriptor too, or the main
 * thread ends its wait (a kick for vCPUs, a cancel for a migration). Some
 * calls cannot be cut short: the look-up of a name, the read of a slow disk.
 * They are not waited for: a second after the signal the process ends.
 */
#ifndef VM_BASE_ENDING_H
#define VM_BASE_ENDING_H

#include <stdbool.h>

struct ending;
struct smudge_error;

/*
 * ending_create - block the signals and watch for them
 *
 * Before any other thread is started. Starts a thread.
 * Return: 0, or -errno with one sentence.
 */
int ending_create(struct ending **ret, struct smudge_error *err);

/* Everything has stopped in time: the process is not ended by force. */
void ending_destroy(struct ending *ending);

/* Borrowed; readable for good once a signal has come. */
int ending_fd(const struct ending *ending);

/* "SIGTERM" and the like; NULL: no signal has come. */
const char *ending_signal(const struct ending *ending);

/* 128 + the signal's number, as shells report it; 0: no signal has come. */
int ending_status(const struct ending *ending);

/*
 * ending_set_guest - a function that describes the state of the guest
 * @describe: returns a constant; called on the watching thread, when the
 *            process ends by force
 */
void ending_set_guest(struct ending *ending,
		      const char *(*describe)(void *opaque), void *opaque);

/*
 * ending_forget_guest - do not call that function any more
 * @last: a constant, used in its place
 *
 * When this returns, the function of ending_set_guest is not running.
 */
void ending_forget_guest(struct ending *ending, const char *last);

#endif
