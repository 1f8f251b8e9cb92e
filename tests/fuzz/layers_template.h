/* SPDX-License-Identifier: MIT */
/*
 * A chain as the library writes it, and what each of its layers holds: what the
 * fuzzer of layers mutates.
 */
#ifndef TESTS_FUZZ_LAYERS_TEMPLATE_H
#define TESTS_FUZZ_LAYERS_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "checkpoint/layer.h"

#define LAYERS_N	 3
#define LAYERS_MAX_BYTES ((size_t)400 * 4096) /* of a moment's regions */

struct layers_template {
	struct {
		uint8_t *file;
		size_t file_bytes;
		struct smi_layer layer;
		/* The layer's regions, one after the other. */
		uint8_t *bytes;
	} layers[LAYERS_N];
};

/* Made at the first call, in the folder; kept until the program ends. */
const struct layers_template *layers_template(const char *folder);

/* Bytes of all regions of a layer. */
size_t layers_template_bytes(const struct smi_layer *layer);

#endif
