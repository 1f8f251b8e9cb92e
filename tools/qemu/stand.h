/* SPDX-License-Identifier: MIT */
/*
 * A machine of QEMU that stands, and its state.
 *
 * QEMU migrates into a pipe of ours, which is read up to the last bytes of the
 * stream and left. QEMU stands then, with its main loop waiting in a write.
 * When the pipe is closed, also by our end, the migration fails and QEMU lets
 * its machine run on by itself.
 */
#ifndef TOOLS_QEMU_STAND_H
#define TOOLS_QEMU_STAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qemu/settings.h"

struct qemu_guard;
struct qemu_peer;
struct qemu_places;
struct qemu_stream;
struct smudge_error;

struct qemu_stand {
	struct qemu_peer *peer;
	struct qemu_guard *guard; /* started */
	const struct qemu_places *places;
	struct qemu_settings settings;
	struct qemu_stream *stream; /* of the last stand; or NULL */
	int fd;			    /* of the pipe; -1 */
	bool was_running;
	int64_t seen_ns;   /* when the end of the state was seen */
	int64_t closed_ns; /* when the pipe was closed */
};

/* Borrows them. The guard puts QEMU's settings back if this process dies. */
void qemu_stand_init(struct qemu_stand *stand, struct qemu_peer *peer,
		     struct qemu_guard *guard,
		     const struct qemu_places *places);

/*
 * qemu_stand_begin - stop the machine, with its devices
 * @timeout_ms: how long it may stand before its state is complete
 *
 * Return: 0; -EBUSY (QEMU migrates for another client), -ETIMEDOUT, -EBADMSG or
 * another -errno with one sentence, and the machine runs, if it ran.
 */
int qemu_stand_begin(struct qemu_stand *stand, int64_t timeout_ms,
		     struct smudge_error *err);

/*
 * qemu_stand_end - let it run, if it ran before
 *
 * Waits until QEMU says that it runs, puts its settings back, and compares the
 * state with its description.
 * Return: 0, or the first -errno with one sentence.
 */
int qemu_stand_end(struct qemu_stand *stand, struct smudge_error *err);

/* Ends it, if it stands, and frees what it owns. */
void qemu_stand_close(struct qemu_stand *stand);

/* How long it stood for us, when it runs again. */
uint64_t qemu_stand_own_ns(const struct qemu_stand *stand);

#endif
