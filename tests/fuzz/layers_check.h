/* SPDX-License-Identifier: MIT */
/*
 * What must hold for a chain that opens, however hostile it is: a layer that
 * says that it is a moment of the template gives its pages only; pages that
 * were all read are those of the layer's digest; what verifies can be read and
 * restored, and all ways agree. Otherwise the program aborts.
 */
#ifndef TESTS_FUZZ_LAYERS_CHECK_H
#define TESTS_FUZZ_LAYERS_CHECK_H

#include <stdbool.h>

#include <smudge/error.h>
#include <smudge/layers.h>

#include "layers_template.h"

/* An error has its sentence. Return: was it none? */
bool layers_check(int ret, const struct smudge_error *err);

/* @are_tables_ours: they were not made right after pages were mutated */
void layers_check_chain(const struct layers_template *t,
			struct smudge_chain *chain, bool are_tables_ours);

#endif
