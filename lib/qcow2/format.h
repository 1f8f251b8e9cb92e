/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the qcow2 format, versions 2 and 3.
 *
 * Source: QEMU's interoperability document "Qcow2 Image File Format". All
 * integers of an image are big-endian.
 *
 * Everything here counts memory in pages of 4 KiB, which are also the clusters
 * of the images that smudge writes. A page is one of the image's virtual disk:
 * page n is its bytes [n * 4096, (n + 1) * 4096).
 */
#ifndef LIB_QCOW2_FORMAT_H
#define LIB_QCOW2_FORMAT_H

#include <stdint.h>

#define SMI_QCOW2_PAGE_SHIFT 12
#define SMI_QCOW2_PAGE_BYTES (UINT64_C(1) << SMI_QCOW2_PAGE_SHIFT)

#define SMI_QCOW2_MAGIC 0x514649fbU /* "QFI\xfb" */

/* Entries of 8 bytes in a table that fills a cluster of 4 KiB. */
#define SMI_QCOW2_TABLE_ENTRIES 512

/* Incompatible features: an image with another one is not read. */
#define SMI_QCOW2_DIRTY	      (UINT64_C(1) << 0) /* refcounts may be wrong */
#define SMI_QCOW2_CORRUPT     (UINT64_C(1) << 1)
#define SMI_QCOW2_DATA_FILE   (UINT64_C(1) << 2)
#define SMI_QCOW2_COMPRESSION (UINT64_C(1) << 3) /* type in the header */
#define SMI_QCOW2_EXTENDED_L2 (UINT64_C(1) << 4)

#define SMI_QCOW2_DEFLATE 0
#define SMI_QCOW2_ZSTD	  1

/* Bits of L1 and L2 entries. */
#define SMI_QCOW2_COPIED     (UINT64_C(1) << 63) /* its refcount is 1 */
#define SMI_QCOW2_COMPRESSED (UINT64_C(1) << 62) /* L2 only */
#define SMI_QCOW2_ZERO	     UINT64_C(1)	 /* L2 only, version 3 */
#define SMI_QCOW2_OFFSET     UINT64_C(0x00fffffffffffe00)

/* Header extensions. */
#define SMI_QCOW2_EXT_END	     0x00000000U
#define SMI_QCOW2_EXT_BACKING_FORMAT 0xe2792acaU
#define SMI_QCOW2_EXT_FEATURE_NAMES  0x6803f857U
#define SMI_QCOW2_EXT_DATA_FILE	     0x44415441U
/* smudge's own, a hint only: tools drop it. "SMDG" */
#define SMI_QCOW2_EXT_SMUDGE 0x534d4447U

/* QEMU opens no image with a larger table of that kind. */
#define SMI_QCOW2_MAX_L1_BYTES		   (UINT64_C(32) << 20)
#define SMI_QCOW2_MAX_REFCOUNT_TABLE_BYTES (UINT64_C(8) << 20)
#define SMI_QCOW2_MAX_BACKING_NAME_BYTES   1023

#endif
