/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a chain's images that stay open, for readers that read little
 * at a time from many places: opening each image costs them more than reading
 * does. A file that is removed or replaced meanwhile stays what it was.
 */
#ifndef LIB_QCOW2_KEPT_H
#define LIB_QCOW2_KEPT_H

#include <stddef.h>

#include <smudge/error.h>

#include "qcow2/image.h"

struct smi_qcow2_kept {
	size_t n;
	int fds[]; /* of the chain's first n images; -1: it is not open */
};

/*
 * smi_qcow2_kept_open - open the first images of a chain
 * @max: at most so many
 *
 * What cannot be opened is left to the readers, who say why.
 * Return: NULL without memory.
 */
struct smi_qcow2_kept *smi_qcow2_kept_open(const struct smi_qcow2_chain *chain,
					   size_t max);
void smi_qcow2_kept_close(struct smi_qcow2_kept *kept); /* or NULL */

static inline int smi_qcow2_kept_fd(const struct smi_qcow2_kept *kept,
				    size_t image)
{
	return kept && image < kept->n ? kept->fds[image] : -1;
}

#endif
