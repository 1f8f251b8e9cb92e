/* SPDX-License-Identifier: MIT */
/*
 * What a restore will do: known before anything is written.
 */
#ifndef TOOLS_RESTORE_PLAN_H
#define TOOLS_RESTORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <smudge/layers.h>

#include "common/layer_place.h"
#include "qemu/arguments.h"
#include "qemu/machine.h"
#include "qemu/words.h"
#include "restore/request.h"

struct smudge_error;

/* The file of a memory backend, and the region of the layer that it is. */
struct restore_memory {
	size_t region; /* of the chain */
	char *path;    /* absolute */
};

struct restore_plan {
	struct layer_place place;
	struct smudge_chain *chain; /* of the place */
	struct smudge_layer_info info;
	struct qemu_machine machine;
	struct restore_memory *memories; /* one for each backend of machine */
	const void *state;		 /* of the devices; the chain's */
	size_t state_bytes;
	char *state_path;	 /* absolute */
	const char *cwd;	 /* of the command line; NULL: this one */
	struct qemu_words words; /* the command line */
	char *monitor;		 /* path of its QMP socket; absolute, or NULL */
	json_t *disks;		 /* commands that bring the disks back */
	json_t *notes;		 /* array of {"text", "forbids-run"} */
};

/*
 * restore_plan_make - read the layer, and make the command line
 * @ret_plan: to be freed also after a failure
 * Return: 0, -ENODATA (the layer is of something else), or -errno, with one
 * sentence.
 */
int restore_plan_make(const struct restore_request *request,
		      struct restore_plan *ret_plan, struct smudge_error *err);
void restore_plan_free(struct restore_plan *plan);

/* The first note that forbids to run it; NULL: none does. */
const char *restore_plan_forbidden(const struct restore_plan *plan);

#endif
