/* SPDX-License-Identifier: MIT */
/*
 * QEMU's migration capabilities and parameters, as the state's stream needs
 * them, and as they were.
 */
#ifndef TOOLS_QEMU_SETTINGS_H
#define TOOLS_QEMU_SETTINGS_H

#include <jansson.h>

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
 * @settings: empty; receives what to put back
 * Return: 0, -EOPNOTSUPP (a QEMU without x-ignore-shared), or another -errno
 * with one sentence; what was changed is put back then.
 */
int qemu_settings_apply(struct qemu_settings *settings, struct qemu_peer *peer,
			struct smudge_error *err);

/*
 * qemu_settings_put_back - as it was; empty then
 * Return: 0, or the first -errno with one sentence.
 */
int qemu_settings_put_back(struct qemu_settings *settings,
			   struct qemu_peer *peer, struct smudge_error *err);

#endif
