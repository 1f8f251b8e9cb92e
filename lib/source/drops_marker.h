/* SPDX-License-Identifier: MIT */
/*
 * The word by which a page's marker shows in pagemap.
 */
#ifndef LIB_SOURCE_DROPS_MARKER_H
#define LIB_SOURCE_DROPS_MARKER_H

#include "source/drops_chunk.h"

/* Find it out, if this reader may see it. */
void smi_drops_learn_marker(struct smi_drops *d);

#endif
