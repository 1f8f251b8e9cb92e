/* SPDX-License-Identifier: MIT */
/*
 * Footers and tails of a chain's images, and whether each names the next one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/chain.h"
#include "checkpoint/folder.h"
#include "checkpoint/layer_info.h"

#define WHERE "layer"

/* A tail so long is believed; a longer one where the files are long too. */
#define PLAUSIBLE_NPAGES (UINT64_C(64) << 20 >> SMI_QCOW2_PAGE_SHIFT)
#define PLAUSIBLE_TIMES	 1024

/* The same with the file's name. */
static int named(const struct smudge_error *own, const char *name,
		 struct smudge_error *err)
{
	return smudge_error_set(err, own->code, own->where, "%.60s: %s", name,
				own->message);
}

static int passed_on(const struct smudge_error *own, struct smudge_error *err)
{
	return smudge_error_set(err, own->code, own->where, "%s", own->message);
}

/* Its own, or in what tools left of it, one that shows through. */
static int read_footer(const struct smi_qcow2_chain *images, size_t image,
		       size_t depth, uint8_t page[SMI_QCOW2_PAGE_BYTES],
		       struct smudge_error *err)
{
	uint64_t npages = smi_qcow2_chain_npages(images, image);
	struct smi_qcow2_reader *reader;
	int ret = smi_qcow2_reader_create(images, image, depth, &reader, err);

	if (ret < 0)
		return ret;
	ret = smi_qcow2_reader_read(reader, npages - 1, 1, page, err);
	smi_qcow2_reader_destroy(reader);
	return ret;
}

int smi_chain_footer(const struct smi_qcow2_chain *images, size_t image,
		     struct smi_footer *ret_footer, struct smudge_error *err)
{
	const char *name = smi_qcow2_chain_name(images, image);
	uint64_t npages = smi_qcow2_chain_npages(images, image);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
	int ret;

	if (!npages)
		return smudge_error_set(err, -ENODATA, WHERE,
					"%.60s: no layer: its disk is empty",
					name);
	ret = read_footer(images, image, 1, page, err);
	if (ret < 0)
		return ret;
	if (smi_footer_decode(page, npages, ret_footer, &own) == 0)
		return 0;
	if (own.code == -ENODATA) {
		smudge_error_clear(&own);
		ret = read_footer(images, image, 0, page, err);
		if (ret < 0)
			return ret;
		smi_footer_decode(page, npages, ret_footer, &own);
	}
	return own.code ? named(&own, name, err) : 0;
}

static int check_plausible(const struct smi_qcow2_chain *images, size_t image,
			   const struct smi_footer *footer,
			   struct smudge_error *err)
{
	uint64_t file_bytes = 0;

	if (footer->tail_npages <= PLAUSIBLE_NPAGES)
		return 0;
	for (size_t i = image; i < smi_qcow2_chain_nimages(images); i++)
		file_bytes += smi_qcow2_chain_file_bytes(images, i);
	if (footer->tail_npages * SMI_QCOW2_PAGE_BYTES / PLAUSIBLE_TIMES <=
	    file_bytes)
		return 0;
	return smudge_error_set(err, -EBADMSG, WHERE,
				"%.60s: the tail claims to be longer than a "
				"file of its length can hold",
				smi_qcow2_chain_name(images, image));
}

static int read_tail_of(const struct smi_qcow2_chain *images, size_t image,
			size_t depth, const struct smi_footer *footer,
			uint8_t *bytes, struct smudge_error *err)
{
	struct smi_qcow2_reader *reader;
	int ret = smi_qcow2_reader_create(images, image, depth, &reader, err);

	if (ret < 0)
		return ret;
	ret = smi_qcow2_reader_read(reader, footer->tail_page,
				    footer->tail_npages, bytes, err);
	smi_qcow2_reader_destroy(reader);
	return ret;
}

/* As the footer: all of it is in the image, but for what tools left out. */
static int read_tail(const struct smi_qcow2_chain *images, size_t image,
		     const struct smi_footer *footer, uint8_t *bytes,
		     struct smudge_error *err)
{
	int ret = read_tail_of(images, image, 1, footer, bytes, err);

	if (ret < 0 ||
	    smi_qcow2_digest_is_equal(
		    smi_tail_checksum(bytes, footer->tail_npages *
						     SMI_QCOW2_PAGE_BYTES),
		    footer->tail_checksum))
		return ret;
	return read_tail_of(images, image, 0, footer, bytes, err);
}

int smi_chain_layer(const struct smi_qcow2_chain *images, size_t image,
		    struct smi_layer *ret_layer, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smi_footer footer;
	uint8_t *bytes;
	int ret = smi_chain_footer(images, image, &footer, err);

	if (ret == 0)
		ret = check_plausible(images, image, &footer, err);
	if (ret < 0)
		return ret;
	bytes = malloc(footer.tail_npages * SMI_QCOW2_PAGE_BYTES);
	if (!bytes)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for the tail of a layer");
	ret = read_tail(images, image, &footer, bytes, err);
	if (ret == 0 && smi_tail_decode(&footer, bytes,
					smi_qcow2_chain_npages(images, image),
					ret_layer, &own) < 0)
		ret = named(&own, smi_qcow2_chain_name(images, image), err);
	free(bytes);
	return ret;
}

void smi_chain_info(const struct smi_qcow2_chain *images, size_t image,
		    const struct smi_layer *layer,
		    struct smudge_layer_info *ret_info)
{
	const char *name = smi_qcow2_chain_name(images, image);

	smi_layer_info(layer, smi_folder_number(name), ret_info);
	ret_info->is_full = image + 1 == smi_qcow2_chain_nimages(images);
	ret_info->file_bytes = smi_qcow2_chain_file_bytes(images, image);
	snprintf(ret_info->file_name, sizeof(ret_info->file_name), "%s", name);
}

/* Return: 1 if image @image + 1 is what @footer names, 0 if not, -errno. */
static int is_parent(const struct smi_qcow2_chain *images, size_t image,
		     const struct smi_footer *footer,
		     struct smi_footer *ret_parent, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = smi_chain_footer(images, image + 1, ret_parent, &own);

	/* An image that is no layer: nothing is known of those below it. */
	if (ret == -ENODATA)
		return 0;
	if (ret < 0)
		return passed_on(&own, err);
	return footer->has_parent &&
	       smi_qcow2_digest_is_equal(footer->parent, ret_parent->digest);
}

int smi_chain_find_other_parent(const struct smi_qcow2_chain *images,
				size_t *ret_image, struct smudge_error *err)
{
	size_t n = smi_qcow2_chain_nimages(images);
	struct smi_footer footer, parent;
	size_t image = 0;
	int ret = smi_chain_footer(images, 0, &footer, err);

	for (; ret == 0 && image + 1 < n; image++) {
		ret = is_parent(images, image, &footer, &parent, err);
		if (ret == 0)
			break;
		ret = ret < 0 ? ret : 0;
		footer = parent;
	}
	*ret_image = image;
	return ret;
}
