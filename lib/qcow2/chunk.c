/* SPDX-License-Identifier: MIT */
/*
 * Digest, compress and write the pages of a chunk.
 */
#include "qcow2/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "qcow2/entry.h"
#include "qcow2/format.h"
#include "qcow2/worth.h"
#include "sys/page.h"

/* Zeros up to the end of the last cluster included. */
#define BUFFER_BYTES (SMI_QCOW2_CHUNK_ITEMS * SMI_QCOW2_PAGE_BYTES)

/*
 * Level 1 compresses the literals too: 4 KiB of text or of a process's memory
 * become 28 and 15 % of their size at 11.6 and 9.0 us per page, where level -1
 * makes them 34 and 17 % in 9.0 and 5.8 us (zstd 1.5.4). Larger levels need
 * more time for 1 %.
 */
#define LEVEL (-1)

struct smi_qcow2_packer {
	struct smi_qcow2_output *output;
	struct smi_qcow2_failure *failure;
	ZSTD_CCtx *zstd;    /* NULL: nothing is compressed */
	uint8_t *buffer;    /* of compressed pages */
	size_t buffer_used; /* bytes of this chunk */
	size_t nraw;	    /* pages of this chunk */
	/* Of each item of this chunk: bytes in the buffer, 0 where none. */
	uint16_t compressed_bytes[SMI_QCOW2_CHUNK_ITEMS];
	bool is_raw[SMI_QCOW2_CHUNK_ITEMS];
	/* Of raw pages that are contiguous in memory; last of the buffer. */
	struct iovec pieces[SMI_QCOW2_CHUNK_ITEMS + 1];
};

/* Return: 0, -ENOMEM. */
static int begin_zstd(struct smi_qcow2_packer *packer)
{
	packer->zstd = ZSTD_createCCtx();
	packer->buffer = malloc(BUFFER_BYTES);
	if (!packer->zstd || !packer->buffer)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_windowLog,
			       SMI_QCOW2_PAGE_SHIFT);
	return 0;
}

int smi_qcow2_packer_create(struct smi_qcow2_output *output,
			    struct smi_qcow2_failure *failure, bool compress,
			    struct smi_qcow2_packer **ret_packer)
{
	struct smi_qcow2_packer *packer = calloc(1, sizeof(*packer));

	if (!packer)
		return -ENOMEM;
	packer->output = output;
	packer->failure = failure;
	if (compress && begin_zstd(packer) < 0) {
		smi_qcow2_packer_destroy(packer);
		return -ENOMEM;
	}
	*ret_packer = packer;
	return 0;
}

void smi_qcow2_packer_destroy(struct smi_qcow2_packer *packer)
{
	if (!packer)
		return;
	ZSTD_freeCCtx(packer->zstd);
	free(packer->buffer);
	free(packer);
}

/* Compress a page to the buffer. Return: its bytes there; 0: store it raw. */
static size_t compress(struct smi_qcow2_packer *packer, const uint8_t *page)
{
	size_t bytes;

	if (!packer->zstd || !smi_qcow2_is_worth_compressing(page))
		return 0;
	bytes = ZSTD_compress2(
		packer->zstd, packer->buffer + packer->buffer_used,
		SMI_QCOW2_MAX_PACKED_BYTES, page, SMI_QCOW2_PAGE_BYTES);
	return ZSTD_isError(bytes) ? 0 : bytes;
}

static size_t copy_packed(struct smi_qcow2_packer *packer,
			  const struct smi_qcow2_item *item)
{
	memcpy(packer->buffer + packer->buffer_used, item->bytes,
	       item->packed_bytes);
	return item->packed_bytes;
}

/* Is the item's page of zeros? Its digest is computed if it is wanted. */
static bool is_zero(const struct smi_qcow2_item *item)
{
	if (!item->bytes)
		return true;
	if (item->packed_bytes)
		return false;
	if (!item->ret_digest)
		return smi_sys_page_is_zero(item->bytes, SMI_QCOW2_PAGE_BYTES);
	*item->ret_digest = smi_qcow2_digest(item->page, item->bytes);
	return smi_qcow2_digest_is_zero(*item->ret_digest);
}

static void examine(struct smi_qcow2_packer *packer,
		    const struct smi_qcow2_item *item, size_t index)
{
	bool zero = is_zero(item);
	size_t bytes = 0;

	if (item->packed_bytes)
		bytes = copy_packed(packer, item);
	else if (!zero)
		bytes = compress(packer, item->bytes);
	packer->compressed_bytes[index] = (uint16_t)bytes;
	packer->is_raw[index] = !zero && !bytes;
	packer->buffer_used += bytes;
	packer->nraw += packer->is_raw[index];
}

/* Decide each item's place in the file, from @raw_off on. */
static void place(const struct smi_qcow2_packer *packer,
		  struct smi_qcow2_chunk *chunk, uint64_t raw_off)
{
	uint64_t compressed_off = raw_off + packer->nraw * SMI_QCOW2_PAGE_BYTES;

	for (size_t i = 0; i < chunk->nitems; i++) {
		struct smi_qcow2_item *item = &chunk->items[i];
		uint64_t bytes = packer->compressed_bytes[i];

		item->ret_entry = 0;
		if (packer->is_raw[i]) {
			item->ret_entry = smi_qcow2_entry_raw(raw_off);
			raw_off += SMI_QCOW2_PAGE_BYTES;
		} else if (bytes) {
			item->ret_entry = smi_qcow2_entry_compressed(
				compressed_off, bytes);
			compressed_off += bytes;
		}
	}
}

/* The raw pages from the caller's memory, then the buffer. */
static size_t gather(struct smi_qcow2_packer *packer,
		     const struct smi_qcow2_chunk *chunk)
{
	struct iovec *pieces = packer->pieces;
	const uint8_t *end = NULL; /* of the last piece */
	size_t n = 0;

	for (size_t i = 0; i < chunk->nitems; i++) {
		const uint8_t *bytes = chunk->items[i].bytes;

		if (!packer->is_raw[i])
			continue;
		if (bytes != end || !n)
			pieces[n++] = (struct iovec){.iov_base = (void *)bytes};
		pieces[n - 1].iov_len += SMI_QCOW2_PAGE_BYTES;
		end = bytes + SMI_QCOW2_PAGE_BYTES;
	}
	if (packer->buffer_used)
		pieces[n++] = (struct iovec){.iov_base = packer->buffer,
					     .iov_len = packer->buffer_used};
	return n;
}

/* Fill the buffer's last cluster with zeros. */
static void fill_up(struct smi_qcow2_packer *packer)
{
	size_t rest = -packer->buffer_used & (SMI_QCOW2_PAGE_BYTES - 1);

	if (rest)
		memset(packer->buffer + packer->buffer_used, 0, rest);
	packer->buffer_used += rest;
}

void smi_qcow2_packer_write(struct smi_qcow2_packer *packer,
			    struct smi_qcow2_chunk *chunk)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint64_t off;
	int ret;

	packer->buffer_used = packer->nraw = 0;
	for (size_t i = 0; i < chunk->nitems; i++) {
		if (smi_qcow2_failure_is(packer->failure))
			return;
		examine(packer, &chunk->items[i], i);
	}
	fill_up(packer);
	off = smi_qcow2_output_reserve(packer->output,
				       packer->nraw * SMI_QCOW2_PAGE_BYTES +
					       packer->buffer_used);
	place(packer, chunk, off);
	ret = smi_qcow2_output_write(packer->output, packer->pieces,
				     gather(packer, chunk), off);
	if (ret < 0) {
		smudge_error_set(&own, ret, "qcow2",
				 "cannot write pages of the image: %s",
				 strerror(-ret));
		smi_qcow2_failure_note(packer->failure, &own);
	}
}
