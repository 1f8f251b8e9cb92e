/* SPDX-License-Identifier: MIT */
/*
 * QEMU's migration capabilities and parameters, as the state's stream needs
 * them, and as they were.
 */
#ifndef TOOLS_QEMU_SETTINGS_H
#define TOOLS_QEMU_SETTINGS_H

#include <jansson.h>

struct qemu_guard;
struct qemu_peer;
struct smudge_error;

/* What was changed, as it was: {0} is nothing. */
struct qemu_settings {
	json_t *capabilities; /* array; or NULL */
	json_t *parameters;   /* object; or NULL */
};

/*
 * qemu_settings_apply - what the stream needs: no more than is needed is
 *      changed
 * @settings: receives what to put back; what it has still is put back first
 * @guard: puts it back if this process dies
 * Return: 0, -EOPNOTSUPP (a QEMU without x-ignore-shared), or another -errno
 * with one sentence; what was changed is put back then.
 */
int qemu_settings_apply(struct qemu_settings *settings, struct qemu_peer *peer,
			struct qemu_guard *guard, struct smudge_error *err);

/*
 * qemu_settings_put_back - as it was; empty then
 *
 * State after failure: they are kept, for the next apply and for the guard.
 * Return: 0, or the first -errno with one sentence.
 */
int qemu_settings_put_back(struct qemu_settings *settings,
			   struct qemu_peer *peer, struct qemu_guard *guard,
			   struct smudge_error *err);

/* Nothing is put back; the guard still does what it was told. */
void qemu_settings_free(struct qemu_settings *settings);

#endif
