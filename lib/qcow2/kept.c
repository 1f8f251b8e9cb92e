/* SPDX-License-Identifier: MIT */
/*
 * Images of a chain that stay open.
 */
#include "qcow2/kept.h"

#include <stdlib.h>
#include <unistd.h>

struct smi_qcow2_kept *smi_qcow2_kept_open(const struct smi_qcow2_chain *chain,
					   size_t max)
{
	size_t n = chain->nimages < max ? chain->nimages : max;
	struct smi_qcow2_kept *kept =
		malloc(sizeof(*kept) + n * sizeof(kept->fds[0]));

	if (!kept)
		return NULL;
	kept->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct smi_qcow2_image *image = &chain->images[i];
		int fd = -1;

		if (!image->raw.read)
			fd = smi_qcow2_image_reopen(image, chain->folder_fd,
						    NULL);
		kept->fds[i] = fd < 0 ? -1 : fd;
	}
	return kept;
}

void smi_qcow2_kept_close(struct smi_qcow2_kept *kept)
{
	for (size_t i = 0; kept && i < kept->n; i++) {
		if (kept->fds[i] >= 0)
			close(kept->fds[i]);
	}
	free(kept);
}
