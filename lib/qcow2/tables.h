/* SPDX-License-Identifier: MIT */
/*
 * Reading the L1 and L2 tables of one image for a part of the disk, with few
 * and large reads where tables follow each other in the file.
 */
#ifndef LIB_QCOW2_TABLES_H
#define LIB_QCOW2_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/stack.h"

struct smi_qcow2_walk;

/*
 * smi_qcow2_walk_create - what a walk over tables of several images needs
 * @found: gets @n big-endian entries, of the clusters from @cluster on, which
 *      may reach beyond both ends; no call for tables that are not there
 *
 * Return: NULL without memory.
 */
struct smi_qcow2_walk *
smi_qcow2_walk_create(struct smi_qcow2_stack *stack,
		      int (*found)(void *opaque, uint64_t cluster,
				   const uint8_t *entries, size_t n),
		      void *opaque);
void smi_qcow2_walk_destroy(struct smi_qcow2_walk *walk);

/*
 * smi_qcow2_walk_image - visit the L2 entries of a part of the disk
 * @image: of the stack; becomes the open one
 * @first_page, @end_page: not empty
 *
 * Return: 0, what @found returned if not 0, -EBADMSG, -ESTALE, or that of
 * open(2), read(2).
 */
int smi_qcow2_walk_image(struct smi_qcow2_walk *walk, size_t image,
			 uint64_t first_page, uint64_t end_page,
			 struct smudge_error *err);

/*
 * smi_qcow2_tables_next - the first page from @first_page on for which an image
 *      has an L2 table
 * @first_page, @end_page: not empty
 * @ret_page: receives it, or @end_page
 *
 * Reads the L1 table only.
 * Return: as smi_qcow2_walk_image.
 */
int smi_qcow2_tables_next(struct smi_qcow2_stack *stack, size_t image,
			  uint64_t first_page, uint64_t end_page,
			  uint64_t *ret_page, struct smudge_error *err);

#endif
