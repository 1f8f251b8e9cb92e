/* SPDX-License-Identifier: MIT */
/*
 * The frames of a compressed cluster.
 */
#include "qcow2/decompress.h"

#include <errno.h>
#include <stdbool.h>

#include "common/little_endian.h"

/* Frames of today's format; zstd may know older ones, which QEMU never wrote.
 */
static bool is_frame(const uint8_t *from, size_t length_bytes)
{
	uint64_t magic;

	if (length_bytes < 4)
		return false;
	magic = little_endian_get(from, 4);
	return magic == ZSTD_MAGICNUMBER ||
	       (magic & ZSTD_MAGIC_SKIPPABLE_MASK) ==
		       ZSTD_MAGIC_SKIPPABLE_START;
}

int smi_qcow2_decompress(ZSTD_DCtx *context, const uint8_t *from,
			 size_t length_bytes, uint8_t *to, size_t cluster_bytes)
{
	size_t done = 0;

	while (done < cluster_bytes) {
		size_t frame, n;

		if (!is_frame(from, length_bytes))
			return -EBADMSG;
		frame = ZSTD_findFrameCompressedSize(from, length_bytes);
		if (ZSTD_isError(frame))
			return -EBADMSG;
		n = ZSTD_decompressDCtx(context, to + done,
					cluster_bytes - done, from, frame);
		if (ZSTD_isError(n))
			return -EBADMSG;
		done += n;
		from += frame;
		length_bytes -= frame;
	}
	return 0;
}

size_t smi_qcow2_frame_bytes(const uint8_t *from, size_t length_bytes,
			     size_t cluster_bytes)
{
	size_t frame;

	if (ZSTD_getFrameContentSize(from, length_bytes) != cluster_bytes)
		return 0;
	frame = ZSTD_findFrameCompressedSize(from, length_bytes);
	return ZSTD_isError(frame) ? 0 : frame;
}
