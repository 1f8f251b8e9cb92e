/* SPDX-License-Identifier: MIT */
/*
 * Mutations of a chain of layers, which know what is where, and checksums made
 * right afterwards, which no fuzzer guesses.
 */
#ifndef TESTS_FUZZ_LAYERS_EDIT_H
#define TESTS_FUZZ_LAYERS_EDIT_H

#include "layers_image.h"
#include "layers_template.h"

struct layers_chain {
	const struct layers_template *template;
	struct layers_image images[LAYERS_N]; /* the full one first */
};

/* What one mutation is; all values are allowed. */
struct layers_edit {
	uint8_t kind, layer;
	uint16_t target;
	uint64_t value;
};
#define LAYERS_EDIT_BYTES 12

/* What is made right after the mutations. */
#define LAYERS_SEAL_TAIL   1U /* checksums of tail and footer */
#define LAYERS_SEAL_TABLES 2U /* the tables, by the pages */
#define LAYERS_SEAL_DIGEST 4U /* the moment's digest, by the tables */
#define LAYERS_SEAL_PARENT 8U /* the parent's digest */

void layers_edit(struct layers_chain *chain, const struct layers_edit *edit);
void layers_seal(struct layers_chain *chain, unsigned int what);

#endif
