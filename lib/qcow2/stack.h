/* SPDX-License-Identifier: MIT */
/*
 * The images that one reader sees: some of a chain, in order, the top first. It
 * has one descriptor, of the image that was read last.
 *
 * A page that an image does not have is its backing file's, but only as far as
 * that one's disk reaches; beyond it are zeros, also if an image further down
 * is longer. So an image shows what all disks above it and its own have.
 */
#ifndef LIB_QCOW2_STACK_H
#define LIB_QCOW2_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/image.h"
#include "qcow2/kept.h"

/* Images are numbered from the stack's top here. */
struct smi_qcow2_stack {
	const struct smi_qcow2_chain *chain; /* borrowed */
	size_t first;			     /* image of the chain: the top */
	size_t depth;
	uint64_t *shown_bytes; /* of each image's disk; owned; descending */
	int fd;		       /* -1: none is open */
	bool is_kept;	       /* it is one of: */
	const struct smi_qcow2_kept *kept; /* borrowed; or NULL */
	size_t open;			   /* the image that fd is of */
};

/*
 * smi_qcow2_stack_create - images [first, first + depth) of a chain
 * @depth: 0: all from @first on
 * Return: 0, -EINVAL (no such images), -ENOMEM.
 */
int smi_qcow2_stack_create(struct smi_qcow2_stack *stack,
			   const struct smi_qcow2_chain *chain, size_t first,
			   size_t depth, struct smudge_error *err);
void smi_qcow2_stack_destroy(struct smi_qcow2_stack *stack);

static inline const struct smi_qcow2_image *
smi_qcow2_stack_image(const struct smi_qcow2_stack *stack, size_t image)
{
	return &stack->chain->images[stack->first + image];
}

/* The page at which an image's shown part ends; the last may be part of one. */
static inline uint64_t
smi_qcow2_stack_end_page(const struct smi_qcow2_stack *stack, size_t image)
{
	uint64_t bytes = stack->shown_bytes[image];

	return (bytes >> SMI_QCOW2_PAGE_SHIFT) +
	       (bytes % SMI_QCOW2_PAGE_BYTES != 0);
}

/*
 * smi_qcow2_stack_open - have the descriptor be @image's; closes another's
 * Return: 0, or as smi_qcow2_image_reopen.
 */
int smi_qcow2_stack_open(struct smi_qcow2_stack *stack, size_t image,
			 struct smudge_error *err);

/* Close the descriptor, if one is open. */
void smi_qcow2_stack_close(struct smi_qcow2_stack *stack);

/* Read from the image that is open, as smi_qcow2_image_read. */
int smi_qcow2_stack_read(struct smi_qcow2_stack *stack, uint64_t file_off,
			 void *bytes, size_t length, struct smudge_error *err);

#endif
