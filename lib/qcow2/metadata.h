/* SPDX-License-Identifier: MIT */
/*
 * Write what follows the data of an image, and its header (layout.h).
 *
 * Refcounts are counted here, from the entries. Clusters that no entry has are
 * dead (their pages were written again): their refcount is 0.
 */
#ifndef LIB_QCOW2_METADATA_H
#define LIB_QCOW2_METADATA_H

#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/failure.h"
#include "qcow2/header_encode.h"
#include "qcow2/map.h"
#include "qcow2/output.h"

/*
 * smi_qcow2_metadata_write - tables, refcounts and header
 * @header: its backing_name and hint are read
 * @output: all data are written; nothing is reserved afterwards
 * @failure: looked at for a cancel
 *
 * Memory: 1/2048 of the file. Does not flush.
 * Return: 0, -ENOMEM, -EFBIG, -ENOSPC, -EIO, ..., with a sentence, or what
 * @failure has.
 */
int smi_qcow2_metadata_write(const struct smi_qcow2_map *map,
			     const struct smi_qcow2_new_header *header,
			     struct smi_qcow2_output *output,
			     struct smi_qcow2_failure *failure,
			     struct smudge_error *err);

#endif
