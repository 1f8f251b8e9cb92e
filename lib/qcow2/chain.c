/* SPDX-License-Identifier: MIT */
/*
 * Opening a chain: one image after the other, by their headers, until one has
 * no backing file.
 */
#include "qcow2/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qcow2/backing.h"
#include "qcow2/image.h"

#define WHERE "qcow2"

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
}

/* Has the chain come back to a file that is in it already? */
static int check_loop(const struct smi_qcow2_chain *chain,
		      const struct smi_qcow2_image *image,
		      struct smudge_error *err)
{
	for (size_t i = 0; i < chain->nimages; i++) {
		const struct smi_qcow2_image *above = &chain->images[i];

		if (above->ino == image->ino && above->dev == image->dev)
			return smudge_error_set(
				err, -ELOOP, WHERE,
				"%.60s: its chain of backing files returns to "
				"%.60s",
				chain->images[0].name, image->name);
	}
	return 0;
}

static int add_image(struct smi_qcow2_chain *chain,
		     const struct smi_qcow2_image *image,
		     struct smudge_error *err)
{
	size_t n = chain->nimages;

	if (n == SMI_QCOW2_MAX_IMAGES)
		return smudge_error_set(err, -EMLINK, WHERE,
					"%.100s: more than %u images in a "
					"chain are not read",
					chain->images[0].name,
					SMI_QCOW2_MAX_IMAGES);
	/* Room for a power of two of them. */
	if (!(n & (n - 1))) {
		struct smi_qcow2_image *images = realloc(
			chain->images, (n ? 2 * n : 1) * sizeof(*images));

		if (!images)
			return no_memory(err);
		chain->images = images;
	}
	chain->images[chain->nimages++] = *image;
	return 0;
}

/* Which image needs the one that is missing. */
static int missing(const struct smi_qcow2_chain *chain,
		   const struct smudge_error *own, struct smudge_error *err)
{
	return smudge_error_set(err, -ENOENT, WHERE, "%s; %.60s stands on it",
				own->message,
				chain->images[chain->nimages - 1].name);
}

/* Adds image @name; @backing receives the name of the one below, or "". */
static int load_next(struct smi_qcow2_chain *chain, const char *name,
		     char *backing, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smi_qcow2_image image;
	int ret = smi_qcow2_image_load(chain->folder_fd, name, &image, backing,
				       &own);

	if (ret == -ENOENT && chain->nimages)
		return missing(chain, &own, err);
	if (ret)
		return smudge_error_set(err, ret, own.where, "%s", own.message);
	ret = check_loop(chain, &image, err);
	if (!ret)
		ret = add_image(chain, &image, err);
	if (ret)
		free(image.name);
	return ret;
}

static int load_all(struct smi_qcow2_chain *chain, const char *name,
		    struct smudge_error *err)
{
	/* @name points into one while the other is written. */
	char backing[2][SMI_QCOW2_MAX_BACKING_NAME_BYTES + 1];
	int ret;

	for (unsigned int i = 0;; i = !i) {
		ret = load_next(chain, name, backing[i], err);
		if (ret || !backing[i][0])
			return ret;
		ret = smi_qcow2_backing_resolve(
			chain->folder_fd,
			chain->images[chain->nimages - 1].name, backing[i],
			&name, err);
		if (ret)
			return ret;
	}
}

int smi_qcow2_chain_open(int folder_fd, const char *name,
			 struct smi_qcow2_chain **ret_chain,
			 struct smudge_error *err)
{
	struct smi_qcow2_chain *chain = calloc(1, sizeof(*chain));
	int ret;

	if (!chain)
		return no_memory(err);
	chain->folder_fd = folder_fd;
	ret = load_all(chain, name, err);
	if (ret)
		smi_qcow2_chain_close(chain);
	else
		*ret_chain = chain;
	return ret;
}

void smi_qcow2_chain_close(struct smi_qcow2_chain *chain)
{
	if (!chain)
		return;
	for (size_t i = 0; i < chain->nimages; i++)
		free(chain->images[i].name);
	free(chain->images);
	free(chain);
}

size_t smi_qcow2_chain_nimages(const struct smi_qcow2_chain *chain)
{
	return chain->nimages;
}

const char *smi_qcow2_chain_name(const struct smi_qcow2_chain *chain,
				 size_t image)
{
	return chain->images[image].name;
}

uint64_t smi_qcow2_chain_file_bytes(const struct smi_qcow2_chain *chain,
				    size_t image)
{
	return chain->images[image].file_bytes;
}

uint64_t smi_qcow2_chain_npages(const struct smi_qcow2_chain *chain,
				size_t image)
{
	return chain->images[image].header.disk_bytes >> SMI_QCOW2_PAGE_SHIFT;
}
