/* SPDX-License-Identifier: MIT */
/*
 * What follows the data of an image that is written, and its header: where all
 * is, and the writing of it.
 *
 *	cluster 0        header, written last
 *	...              data
 *	L2 tables        those with entries of their own
 *	shared L2 tables of pages that all read as zeros; of one table for up to
 *	                 65535 L1 entries, since refcounts have 16 bits
 *	L1 table         what is zero in it is left out (a hole of the file)
 *	refcount table
 *	refcount blocks  of 2048 clusters each, themselves included
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
