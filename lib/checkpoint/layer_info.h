/* SPDX-License-Identifier: MIT */
/*
 * What is public of a layer.
 */
#ifndef LIB_CHECKPOINT_LAYER_INFO_H
#define LIB_CHECKPOINT_LAYER_INFO_H

#include <stdint.h>

#include <smudge/layers.h>

#include "checkpoint/layer.h"

/*
 * smi_layer_info - all that the layer itself says
 * @number: of its file
 * @ret_info: without file_name, is_full and file_bytes, which are the caller's
 */
void smi_layer_info(const struct smi_layer *layer, uint64_t number,
		    struct smudge_layer_info *ret_info);

#endif
