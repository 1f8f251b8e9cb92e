/* SPDX-License-Identifier: MIT */
/*
 * A chain read in every way, and compared with what its disk must be.
 */
#ifndef TESTS_UNIT_QCOW2_EXPECT_H
#define TESTS_UNIT_QCOW2_EXPECT_H

#include <stddef.h>
#include <stdint.h>

#include "qcow2/chain.h"
#include "support.h"

/* Open a chain of the folder, or fail with the sentence. */
struct smi_qcow2_chain *expect_chain(const char *name);
struct smi_qcow2_reader *expect_reader(const struct smi_qcow2_chain *chain,
				       size_t first, size_t depth);

/*
 * The disk of @reader is @disk: read at once, in random parts, and by its
 * pieces. @owners: the image of each page, SMI_QCOW2_NOWHERE for none; or NULL
 */
void expect_disk(struct smi_qcow2_reader *reader, const uint8_t *disk,
		 uint64_t npages, const size_t *owners, struct test_rng *rng);

/* The whole of a chain of the folder. */
void expect_image(const char *name, const uint8_t *disk, uint64_t npages,
		  struct test_rng *rng);

/* Opening fails like that. */
void expect_no_chain(const char *name, int code, const char *sentence);

/* The chain opens, and reading the page fails like that. */
void expect_no_page(const char *name, uint64_t page, int code,
		    const char *sentence);

#endif
