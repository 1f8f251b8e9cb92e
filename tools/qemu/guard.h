/* SPDX-License-Identifier: MIT */
/*
 * A process that lets a machine run again, and puts settings back, if this one
 * cannot.
 *
 * Between QMP's stop and cont a machine of QEMU stands for as long as its
 * client wants. The guard has a duplicate of that client's socket. When this
 * process has died, or the time is over, it sends cont. It survives signals to
 * the terminal's processes, since it has a session of its own; what kills both
 * processes at once (a service that is killed whole) leaves the machine
 * stopped, and its settings as they are.
 */
#ifndef TOOLS_QEMU_GUARD_H
#define TOOLS_QEMU_GUARD_H

#include <stdint.h>

#include <sys/types.h>

struct smudge_error;

struct qemu_guard {
	int fd; /* to the process; -1: none */
	pid_t pid;
};

/*
 * qemu_guard_start - start the process
 * @qmp_fd: borrowed: a QMP client's socket that has negotiated
 *
 * Only while this process has one thread.
 * Return: 0, or -errno with one sentence.
 */
int qemu_guard_start(struct qemu_guard *guard, int qmp_fd,
		     struct smudge_error *err);

/*
 * qemu_guard_arm - from now on cont is sent, if this process dies
 * @timeout_ms: ... or after so much time
 * Return: 0, or -errno (there is no guard any more) with one sentence.
 */
int qemu_guard_arm(struct qemu_guard *guard, int64_t timeout_ms,
		   struct smudge_error *err);

/*
 * qemu_guard_disarm - the machine runs again
 *
 * Return: 0; -EPIPE (the time was over, and replies on the socket are not to be
 * trusted any more; or the guard has ended), with one sentence.
 */
int qemu_guard_disarm(struct qemu_guard *guard, struct smudge_error *err);

/*
 * qemu_guard_keep - from now on these commands are run, if this process dies
 * @commands: each an object of QMP in one line with the id QEMU_GUARD_ID, ended
 *      by a newline; "": none any more
 *
 * Those that QEMU refuses are tried for some seconds: it does while it
 * migrates. Return: 0, -E2BIG, or -errno (there is no guard any more) with one
 * sentence.
 */
#define QEMU_GUARD_ID "smudge-guard"
int qemu_guard_keep(struct qemu_guard *guard, const char *commands,
		    struct smudge_error *err);

/*
 * It ends, armed or not, after it has done what it must. That is waited for,
 * but for no longer than some seconds, if QEMU does not answer.
 */
void qemu_guard_end(struct qemu_guard *guard);

#endif
