/* SPDX-License-Identifier: MIT */
/*
 * The images of a reader, one of them open.
 */
#include "qcow2/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define WHERE "qcow2"

int smi_qcow2_stack_create(struct smi_qcow2_stack *stack,
			   const struct smi_qcow2_chain *chain, size_t first,
			   size_t depth, struct smudge_error *err)
{
	uint64_t shown = UINT64_MAX;

	if (first >= chain->nimages || depth > chain->nimages - first)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the chain has only %zu images",
					chain->nimages);
	*stack = (struct smi_qcow2_stack){
		.chain = chain,
		.first = first,
		.depth = depth ? depth : chain->nimages - first,
		.fd = -1,
	};
	stack->shown_bytes = calloc(stack->depth, sizeof(uint64_t));
	if (!stack->shown_bytes)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	for (size_t i = 0; i < stack->depth; i++) {
		const struct smi_qcow2_image *image =
			smi_qcow2_stack_image(stack, i);

		if (image->header.disk_bytes < shown)
			shown = image->header.disk_bytes;
		stack->shown_bytes[i] = shown;
	}
	return 0;
}

void smi_qcow2_stack_close(struct smi_qcow2_stack *stack)
{
	if (stack->fd >= 0 && !stack->is_kept)
		close(stack->fd);
	stack->fd = -1;
	stack->is_kept = false;
}

void smi_qcow2_stack_destroy(struct smi_qcow2_stack *stack)
{
	smi_qcow2_stack_close(stack);
	free(stack->shown_bytes);
}

int smi_qcow2_stack_open(struct smi_qcow2_stack *stack, size_t image,
			 struct smudge_error *err)
{
	int fd;

	if (stack->fd >= 0 && stack->open == image)
		return 0;
	smi_qcow2_stack_close(stack);
	fd = smi_qcow2_kept_fd(stack->kept, stack->first + image);
	stack->is_kept = fd >= 0;
	if (fd < 0)
		fd = smi_qcow2_image_reopen(smi_qcow2_stack_image(stack, image),
					    stack->chain->folder_fd, err);
	if (fd < 0)
		return fd;
	stack->fd = fd;
	stack->open = image;
	return 0;
}

int smi_qcow2_stack_read(struct smi_qcow2_stack *stack, uint64_t file_off,
			 void *bytes, size_t length, struct smudge_error *err)
{
	return smi_qcow2_image_read(smi_qcow2_stack_image(stack, stack->open),
				    stack->fd, file_off, bytes, length, err);
}
