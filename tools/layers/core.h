/* SPDX-License-Identifier: MIT */
/*
 * What a core file of a layer is made of, before it is written.
 */
#ifndef TOOLS_LAYERS_CORE_H
#define TOOLS_LAYERS_CORE_H

#include <stddef.h>

#include <jansson.h>

#include <smudge/layers.h>

#include "core/layout.h"

struct layers_core {
	struct smudge_chain *chain; /* borrowed */
	json_t *process;	    /* the blob of this name, an object */
	struct core_maps maps;
	struct core_region *regions; /* by the index of the chain's */
	size_t nregions, room;
	struct core_layout layout;
};

/*
 * layers_core_make - the layout of a moment of a process
 * @core: freed by layers_core_free, also after a failure
 *
 * Return: 0, -ENODATA (the layer is of something else), or another -errno, with
 * one sentence.
 */
int layers_core_make(struct smudge_chain *chain, struct layers_core *core,
		     struct smudge_error *err);
void layers_core_free(struct layers_core *core);

/* A blob of the layer. Return: 0, or -ENODATA with one sentence. */
int layers_core_blob(const struct layers_core *core, const char *name,
		     const void **ret_bytes, size_t *ret_length,
		     struct smudge_error *err);

#endif
