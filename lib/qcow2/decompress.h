/* SPDX-License-Identifier: MIT */
/*
 * A compressed cluster: zstd frames that are exactly one cluster together, and
 * anything behind them, since its length is known in sectors only.
 */
#ifndef LIB_QCOW2_DECOMPRESS_H
#define LIB_QCOW2_DECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

#include <zstd.h>

/*
 * smi_qcow2_decompress - decompress a cluster
 * @to: receives @cluster_bytes
 *
 * Allocates nothing. Return: 0, -EBADMSG (no zstd, or more or less than a
 * cluster).
 */
int smi_qcow2_decompress(ZSTD_DCtx *context, const uint8_t *from,
			 size_t length_bytes, uint8_t *to,
			 size_t cluster_bytes);

/*
 * smi_qcow2_frame_bytes - the frame that is a cluster by itself
 * @from: what smi_qcow2_decompress has decompressed
 *
 * Return: its length; 0: it is several frames, or one that does not say how
 * much is in it.
 */
size_t smi_qcow2_frame_bytes(const uint8_t *from, size_t length_bytes,
			     size_t cluster_bytes);

#endif
