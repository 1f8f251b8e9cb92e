/* SPDX-License-Identifier: MIT */
/*
 * A naive reader of the images that the writer makes, from the format's
 * document alone, and a check of everything in them. And pages of all kinds.
 */
#ifndef TESTS_UNIT_QCOW2_IMAGE_RIG_H
#define TESTS_UNIT_QCOW2_IMAGE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support.h"

#define PAGE_BYTES 4096

struct image {
	uint8_t *bytes; /* of the file */
	uint64_t length;
	uint64_t npages; /* of the disk */
	uint64_t l1_entries, l1_off;
};

/* Map the image at @fd; its header must be one of the writer's. */
struct image image_open(int fd);
void image_close(struct image *image);

/* The number of @nbytes bytes at @off of the file, which must have them. */
uint64_t image_number(const struct image *image, uint64_t off,
		      unsigned int nbytes);

/* The L2 entry of a page; 0 where there is no table. */
uint64_t image_entry(const struct image *image, uint64_t page);

enum image_kind {
	IMAGE_UNALLOCATED,
	IMAGE_ZERO,
	IMAGE_RAW,
	IMAGE_COMPRESSED,
};

enum image_kind image_kind(const struct image *image, uint64_t page);

/* Replace the page at @bytes, which has what is below, by the image's. */
void image_read(const struct image *image, uint64_t page, uint8_t *bytes);

/* All pages over what is in @disk. */
void image_read_all(const struct image *image, uint8_t *disk);

/*
 * Every reference count is the number of uses, and every mark of a count of 1
 * is right; the L2 entries have no bits that they must not have.
 */
void image_check(const struct image *image);

/* Pages of zeros, of random bytes, of text, and others; of the kind @kind. */
#define IMAGE_NKINDS 8
void image_draw_page(struct test_rng *rng, unsigned int kind, uint8_t *page);

#endif
