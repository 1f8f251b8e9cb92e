/* SPDX-License-Identifier: MIT */
/*
 * The memory backends of a QEMU, and where its process has mapped them.
 */
#ifndef TOOLS_QEMU_BACKENDS_H
#define TOOLS_QEMU_BACKENDS_H

#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "qemu/machine.h"

struct qemu_peer;
struct smudge_error;
struct smudge_process_options;

/* A backend's memory in the process. */
struct qemu_place {
	char id[64];
	uint64_t first_address;
	uint64_t end_address; /* exclusive */
	enum qemu_backend_kind kind;
	char name[128]; /* as the kernel prints it, perhaps cut */
};

struct qemu_places {
	struct qemu_place *places;
	size_t n;
};

/*
 * qemu_backends_find - all memory of the machine
 * @ret_places: receives them, freed by qemu_places_free
 *
 * Return: 0, -EOPNOTSUPP (a backend whose memory is private, or of a kind that
 * is not known; the sentence says what to change), -ENOENT (a backend is not
 * found in the process), or another -errno with one sentence.
 */
int qemu_backends_find(struct qemu_peer *peer, struct qemu_places *ret_places,
		       struct smudge_error *err);
void qemu_places_free(struct qemu_places *places);

/*
 * qemu_places_select - what to track, so that it is the backends' memory
 * @options: select and its arguments are set; they borrow @places
 *
 * Return: 0, or -EOPNOTSUPP with one sentence.
 */
int qemu_places_select(const struct qemu_places *places, pid_t pid,
		       struct smudge_process_options *options,
		       struct smudge_error *err);

#endif
