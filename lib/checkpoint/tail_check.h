/* SPDX-License-Identifier: MIT */
/*
 * What must hold for the parts of a tail beside each other. For tail_decode.c.
 */
#ifndef LIB_CHECKPOINT_TAIL_CHECK_H
#define LIB_CHECKPOINT_TAIL_CHECK_H

#include <smudge/error.h>

#include "checkpoint/layer.h"

/*
 * smi_tail_check_region - region @index, which the layer has just got, and the
 *      one before it; its extents are not looked at
 * Return: 0, -EBADMSG.
 */
int smi_tail_check_region(const struct smi_layer *layer, size_t index,
			  struct smudge_error *err);

/*
 * smi_tail_check_layer - names are there once; extents, tables, tail and footer
 *      lie on the disk and share no page
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int smi_tail_check_layer(const struct smi_layer *layer,
			 struct smudge_error *err);

#endif
