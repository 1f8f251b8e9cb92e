/* SPDX-License-Identifier: MIT */
/*
 * What looks at pages that are read while the processor's caches have them:
 * later it would take twice as long.
 */
#ifndef LIB_QCOW2_CHECK_H
#define LIB_QCOW2_CHECK_H

#include <stdint.h>

struct smi_qcow2_check {
	/*
	 * Gets runs of pages of the disk, in any order, each page once. Another
	 * return value than 0 ends the read, which returns it.
	 */
	int (*pages)(void *opaque, uint64_t first_page, uint64_t npages,
		     const uint8_t *bytes);
	void *opaque;
};

#endif
