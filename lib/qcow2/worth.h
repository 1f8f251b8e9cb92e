/* SPDX-License-Identifier: MIT */
/*
 * Whether it pays to try to compress a page, from a sample of its bytes.
 *
 * Random, encrypted and compressed content has every value of a byte equally
 * often: two of its bytes are equal once in 256 times. What compresses has some
 * values more often than others, so more of its bytes are equal. Of a sample of
 * 256 bytes the equal pairs are counted: 127.5 are expected of random bytes,
 * with a standard deviation of 11.3.
 *
 * A wrong guess costs time or space, nothing else. What is not seen: bytes that
 * are evenly distributed but repeat (a random block of 64 bytes, again and
 * again): it is stored raw.
 */
#ifndef LIB_QCOW2_WORTH_H
#define LIB_QCOW2_WORTH_H

#include <stdbool.h>

/* A page that saves less than an eighth is stored raw: it is read faster. */
#define SMI_QCOW2_MAX_PACKED_BYTES 3584

/* @page: 4096 bytes that no thread writes */
bool smi_qcow2_is_worth_compressing(const void *page);

#endif
