/* SPDX-License-Identifier: MIT */
/*
 * What keeps a machine of QEMU from being saved, and what to change.
 */
#ifndef TOOLS_QEMU_REFUSALS_H
#define TOOLS_QEMU_REFUSALS_H

struct qemu_peer;
struct smudge_error;
struct smudge_process;

/*
 * qemu_refuse_machine - by what QEMU says of itself
 * Return: 0, -EBUSY (it migrates, in or out), -EOPNOTSUPP, or another -errno
 * with one sentence.
 */
int qemu_refuse_machine(struct qemu_peer *peer, struct smudge_error *err);

/*
 * qemu_refuse_writers - by those that write its memory and are not detected
 *
 * I/O of QEMU itself is no reason: it has ended when the machine stands.
 * Return: 0, -EOPNOTSUPP, or another -errno with one sentence.
 */
int qemu_refuse_writers(struct smudge_process *process,
			struct smudge_error *err);

#endif
