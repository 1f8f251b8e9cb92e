/* SPDX-License-Identifier: MIT */
/*
 * Numbers of a layer's tail and footer, version 1. docs/layers.md explains
 * them. All integers are little-endian.
 */
#ifndef LIB_CHECKPOINT_LAYER_FORMAT_H
#define LIB_CHECKPOINT_LAYER_FORMAT_H

#define SMI_LAYER_VERSION 1

/* The footer: offsets in the last page of the virtual disk. */
#define SMI_FOOTER_MAGIC       "SMDGLAYR" /* 8 bytes */
#define SMI_FOOTER_VERSION     8
#define SMI_FOOTER_FLAGS       12
#define SMI_FOOTER_DISK_NPAGES 16
#define SMI_FOOTER_TAIL_PAGE   24
#define SMI_FOOTER_TAIL_NPAGES 32
#define SMI_FOOTER_TAIL_SUM    40
#define SMI_FOOTER_DIGEST      56
#define SMI_FOOTER_PARENT      72
#define SMI_FOOTER_RESERVED    88   /* zeros up to the sum */
#define SMI_FOOTER_SUM	       4080 /* XXH3-128 of all before */

#define SMI_FOOTER_HAS_PARENT 1U /* the only flag */

/* The tail: sections that begin with type, flags and length. */
#define SMI_SECTION_HEADER_BYTES 16
#define SMI_SECTION_ALIGN_BYTES	 8

#define SMI_SECTION_END	   0 /* zeros follow, to the end of the tail */
#define SMI_SECTION_REGION 1
#define SMI_SECTION_BLOB   2
#define SMI_SECTION_STATS  3

/* A reader that does not know the type skips it. The only flag. */
#define SMI_SECTION_MAY_SKIP 1U

#define SMI_REGION_FIXED_BYTES 32 /* without name and extents */
#define SMI_EXTENT_BYTES       24
#define SMI_BLOB_FIXED_BYTES   8
#define SMI_STATS_BYTES	       56
#define SMI_STATS_PAUSES_BYTES 24 /* more, after several pauses */

#endif
