/* SPDX-License-Identifier: MIT */
/*
 * An image of the writer's in memory that is edited: its tables and the pages
 * of its disk, naively, from the format's document. Edits keep every number
 * that they are not meant to change.
 */
#ifndef TESTS_FUZZ_LAYERS_IMAGE_H
#define TESTS_FUZZ_LAYERS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYERS_PAGE ((size_t)4096)

struct layers_image {
	uint8_t *bytes; /* of the file; owned, with room for more */
	size_t length, room;
};

void layers_image_set(struct layers_image *image, const uint8_t *bytes,
		      size_t length);
void layers_image_clear(struct layers_image *image);
/* Cut, or made longer by zeros. */
void layers_image_resize(struct layers_image *image, size_t length);

/* Pages of the disk, as the header says, but at most 2^20. */
uint64_t layers_image_npages(const struct layers_image *image);

/* Where the entry is in the file; 0: it has none, or not in the file. */
size_t layers_image_l1(const struct layers_image *image, uint64_t index);
size_t layers_image_l2(const struct layers_image *image, uint64_t page);

uint64_t layers_image_get(const struct layers_image *image, size_t off);
void layers_image_put(struct layers_image *image, size_t off, uint64_t value);

/* The page, if this image has it; what cannot be read is not had. */
bool layers_image_read(const struct layers_image *image, uint64_t page,
		       uint8_t bytes[LAYERS_PAGE]);

/*
 * Make the page be these bytes: in a new cluster at the file's end. Nothing is
 * done where the L1 table has no entry for it.
 */
void layers_image_write(struct layers_image *image, uint64_t page,
			const uint8_t bytes[LAYERS_PAGE]);

#endif
