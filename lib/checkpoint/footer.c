/* SPDX-License-Identifier: MIT */
/*
 * The footer, to and from bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"

#define WHERE "layer"

#define MAX_TAIL_NPAGES (SMI_LAYER_MAX_TAIL_BYTES / SMI_QCOW2_PAGE_BYTES)

static void put_digest(uint8_t *bytes, struct smi_qcow2_digest digest)
{
	little_endian_put(bytes, digest.low, 8);
	little_endian_put(bytes + 8, digest.high, 8);
}

static struct smi_qcow2_digest get_digest(const uint8_t *bytes)
{
	return (struct smi_qcow2_digest){
		.low = little_endian_get(bytes, 8),
		.high = little_endian_get(bytes + 8, 8),
	};
}

struct smi_qcow2_digest smi_tail_checksum(const void *bytes, size_t length)
{
	XXH128_hash_t hash = XXH3_128bits(bytes, length);

	return (struct smi_qcow2_digest){.low = hash.low64,
					 .high = hash.high64};
}

void smi_footer_encode(const struct smi_layer *layer, const uint8_t *tail,
		       uint8_t page[SMI_QCOW2_PAGE_BYTES])
{
	memset(page, 0, SMI_QCOW2_PAGE_BYTES);
	memcpy(page, SMI_FOOTER_MAGIC, 8);
	little_endian_put(page + SMI_FOOTER_VERSION, SMI_LAYER_VERSION, 4);
	little_endian_put(page + SMI_FOOTER_FLAGS,
			  layer->has_parent ? SMI_FOOTER_HAS_PARENT : 0, 4);
	little_endian_put(page + SMI_FOOTER_DISK_NPAGES, layer->disk_npages, 8);
	little_endian_put(page + SMI_FOOTER_TAIL_PAGE, layer->tail_page, 8);
	little_endian_put(page + SMI_FOOTER_TAIL_NPAGES, layer->tail_npages, 8);
	put_digest(page + SMI_FOOTER_TAIL_SUM,
		   smi_tail_checksum(tail, layer->tail_npages *
						   SMI_QCOW2_PAGE_BYTES));
	put_digest(page + SMI_FOOTER_DIGEST, layer->digest);
	if (layer->has_parent)
		put_digest(page + SMI_FOOTER_PARENT, layer->parent);
	put_digest(page + SMI_FOOTER_SUM,
		   smi_tail_checksum(page, SMI_FOOTER_SUM));
}

void smi_footer_set_parent(uint8_t page[SMI_QCOW2_PAGE_BYTES],
			   const struct smi_qcow2_digest *parent)
{
	const struct smi_qcow2_digest none = {0};

	little_endian_put(page + SMI_FOOTER_FLAGS,
			  parent ? SMI_FOOTER_HAS_PARENT : 0, 4);
	put_digest(page + SMI_FOOTER_PARENT, parent ? *parent : none);
	put_digest(page + SMI_FOOTER_SUM,
		   smi_tail_checksum(page, SMI_FOOTER_SUM));
}

static int damaged(const char *what, struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, WHERE,
				"the footer is damaged: %s", what);
}

static bool are_zeros(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

/* What holds for the footer of every version. */
static int check_frame(const uint8_t *page, struct smudge_error *err)
{
	uint32_t version =
		(uint32_t)little_endian_get(page + SMI_FOOTER_VERSION, 4);

	if (memcmp(page, SMI_FOOTER_MAGIC, 8) != 0)
		return smudge_error_set(err, -ENODATA, WHERE,
					"no layer: the last page of its disk "
					"is no footer (it was resized, or "
					"never was a layer)");
	if (!smi_qcow2_digest_is_equal(smi_tail_checksum(page, SMI_FOOTER_SUM),
				       get_digest(page + SMI_FOOTER_SUM)))
		return damaged("its checksum is wrong", err);
	if (version != SMI_LAYER_VERSION)
		return smudge_error_set(err, -EPROTONOSUPPORT, WHERE,
					"the layer has version %" PRIu32
					", and this library reads version %d",
					version, SMI_LAYER_VERSION);
	return 0;
}

static int check_place(const struct smi_footer *footer, uint64_t disk_npages,
		       struct smudge_error *err)
{
	if (!footer->tail_npages || footer->tail_npages > MAX_TAIL_NPAGES)
		return damaged("the tail is empty or above 1 GiB", err);
	/* The footer has the last page. */
	if (footer->tail_page >= disk_npages ||
	    footer->tail_npages > disk_npages - 1 - footer->tail_page)
		return damaged("the tail ends beyond the disk", err);
	return 0;
}

int smi_footer_decode(const uint8_t page[SMI_QCOW2_PAGE_BYTES],
		      uint64_t disk_npages, struct smi_footer *ret_footer,
		      struct smudge_error *err)
{
	struct smi_footer footer;
	uint32_t flags;
	int ret = check_frame(page, err);

	if (ret < 0)
		return ret;
	flags = (uint32_t)little_endian_get(page + SMI_FOOTER_FLAGS, 4);
	footer = (struct smi_footer){
		.version = SMI_LAYER_VERSION,
		.tail_page = little_endian_get(page + SMI_FOOTER_TAIL_PAGE, 8),
		.tail_npages =
			little_endian_get(page + SMI_FOOTER_TAIL_NPAGES, 8),
		.tail_checksum = get_digest(page + SMI_FOOTER_TAIL_SUM),
		.digest = get_digest(page + SMI_FOOTER_DIGEST),
		.parent = get_digest(page + SMI_FOOTER_PARENT),
		.has_parent = flags & SMI_FOOTER_HAS_PARENT,
	};
	if (flags & ~SMI_FOOTER_HAS_PARENT)
		return damaged("it has a flag that version 1 has not", err);
	if (!footer.has_parent && !smi_qcow2_digest_is_zero(footer.parent))
		return damaged("a parent's digest without a parent", err);
	if (!are_zeros(page + SMI_FOOTER_RESERVED,
		       SMI_FOOTER_SUM - SMI_FOOTER_RESERVED))
		return damaged("its reserved bytes are not zero", err);
	if (little_endian_get(page + SMI_FOOTER_DISK_NPAGES, 8) != disk_npages)
		return damaged("the disk has another length", err);
	ret = check_place(&footer, disk_npages, err);
	if (ret < 0)
		return ret;
	*ret_footer = footer;
	return 0;
}
