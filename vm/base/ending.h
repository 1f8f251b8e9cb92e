/* SPDX-License-Identifier: MIT */
/*
 * The end by a signal: one rule for every thread of smudge-vm.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked everywhere and read by a thread of
 * its own, which makes a descriptor readable. Whoever waits for something
 * that others may never do polls that descriptor too, or is told by the main
 * thread in time (the vCPUs by a kick, a migration by its cancel). What
 * cannot be cut short, a look-up of a name or a read of a slow disk, is not
 * waited for: a second after the signal the process is gone.
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

/* All has stopped in time. */
void ending_destroy(struct ending *ending);

/* Borrowed; readable for good once a signal has come. */
int ending_fd(const struct ending *ending);

/* "SIGTERM" and the like; NULL: no signal has come. */
const char *ending_signal(const struct ending *ending);

/*
 * ending_set_guest - who can say in which state the guest is
 * @describe: returns a constant; called on the watching thread, when the
 *            process ends without waiting any longer
 */
void ending_set_guest(struct ending *ending,
		      const char *(*describe)(void *opaque), void *opaque);

/*
 * ending_forget_guest - nobody is asked any more
 * @last: a constant: in which state the guest was, for an end that is not
 *        waited for
 *
 * When this returns, the function of ending_set_guest is not running.
 */
void ending_forget_guest(struct ending *ending, const char *last);

#endif
