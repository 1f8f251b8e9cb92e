/* SPDX-License-Identifier: MIT */
/*
 * Opening and reading raw images.
 */
#include "qcow2/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qcow2/image.h"

#define WHERE "qcow2"

/* Read at once: a device may be far away. */
#define READ_PAGES 512

int smi_qcow2_chain_open_raw(const struct smi_qcow2_raw *raw, const char *name,
			     struct smi_qcow2_chain **ret_chain,
			     struct smudge_error *err)
{
	struct smi_qcow2_chain *chain = calloc(1, sizeof(*chain));
	struct smi_qcow2_image *image = calloc(1, sizeof(*image));
	char *copy = strdup(name);

	if (!chain || !image || !copy) {
		free(chain);
		free(image);
		free(copy);
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	}
	image->name = copy;
	image->file_bytes = raw->disk_bytes;
	image->header.disk_bytes = raw->disk_bytes;
	image->raw = *raw;
	chain->folder_fd = -1;
	chain->images = image;
	chain->nimages = 1;
	*ret_chain = chain;
	return 0;
}

int smi_qcow2_raw_fetch(const struct smi_qcow2_raw *raw,
			const struct smi_qcow2_target *target,
			uint64_t end_page, struct smudge_error *err)
{
	uint64_t page = target->first_page;
	int ret = 0;

	while (!ret && page < end_page) {
		uint64_t n = end_page - page < READ_PAGES ? end_page - page
							  : READ_PAGES;

		ret = raw->read(raw->opaque, page << SMI_QCOW2_PAGE_SHIFT,
				smi_qcow2_target_at(target, page),
				(size_t)n << SMI_QCOW2_PAGE_SHIFT, err);
		if (!ret)
			ret = smi_qcow2_target_check(target, page, n);
		page += n;
	}
	return ret;
}
