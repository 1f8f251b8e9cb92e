/* SPDX-License-Identifier: MIT */
/*
 * The layer that the machine's memory was restored from, and that it still is.
 */
#ifndef VM_CHECKPOINT_ORIGIN_H
#define VM_CHECKPOINT_ORIGIN_H

#include <smudge/layers.h>

struct checkpoint_origin {
	struct smudge_chain *chain; /* NULL: it is open no more */
	struct smudge_layer_info moment;
};

#endif
