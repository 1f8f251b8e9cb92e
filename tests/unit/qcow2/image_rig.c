/* SPDX-License-Identifier: MIT */
/*
 * The naive reader.
 */
#include "image_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <zstd.h>

#define ZERO_FLAG  UINT64_C(1)
#define COMPRESSED (UINT64_C(1) << 62)
#define COPIED	   (UINT64_C(1) << 63)
#define OFFSET	   UINT64_C(0x00fffffffffffe00)
#define SECTOR	   512

uint64_t image_number(const struct image *image, uint64_t off,
		      unsigned int nbytes)
{
	uint64_t value = 0;

	assert_true(off <= image->length && nbytes <= image->length - off);
	for (unsigned int i = 0; i < nbytes; i++)
		value = value << 8 | image->bytes[off + i];
	return value;
}

struct image image_open(int fd)
{
	struct image image = {0};
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	image.length = (uint64_t)st.st_size;
	image.bytes = mmap(NULL, image.length, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(image.bytes, MAP_FAILED);
	assert_int_equal(image_number(&image, 0, 4), 0x514649fb);
	assert_int_equal(image_number(&image, 4, 4), 3);
	assert_int_equal(image_number(&image, 20, 4), 12);
	image.npages = image_number(&image, 24, 8) / PAGE_BYTES;
	image.l1_entries = image_number(&image, 36, 4);
	image.l1_off = image_number(&image, 40, 8);
	assert_int_equal(image_number(&image, 96, 4), 4);
	assert_true(image_number(&image, 100, 4) >= 112);
	assert_true(image.l1_entries * 512 >= image.npages);
	return image;
}

void image_close(struct image *image)
{
	munmap(image->bytes, image->length);
}

uint64_t image_entry(const struct image *image, uint64_t page)
{
	uint64_t l2;

	assert_true(page / 512 < image->l1_entries);
	l2 = image_number(image, image->l1_off + page / 512 * 8, 8) & OFFSET;
	return l2 ? image_number(image, l2 + page % 512 * 8, 8) : 0;
}

enum image_kind image_kind(const struct image *image, uint64_t page)
{
	uint64_t entry = image_entry(image, page);

	if (entry & COMPRESSED)
		return IMAGE_COMPRESSED;
	if (entry & ZERO_FLAG)
		return IMAGE_ZERO;
	return entry ? IMAGE_RAW : IMAGE_UNALLOCATED;
}

/* The bytes of the file that a compressed entry has: [off, end). */
static uint64_t compressed_range(uint64_t entry, uint64_t *ret_end)
{
	uint64_t off = entry & ((UINT64_C(1) << 58) - 1);

	*ret_end = (off / SECTOR + (entry >> 58 & 15) + 1) * SECTOR;
	return off;
}

/* As QEMU does: until a page is there, with what follows it in the buffer. */
static void decompress(const struct image *image, uint64_t entry,
		       uint8_t *bytes)
{
	uint64_t end, off = compressed_range(entry, &end);
	ZSTD_outBuffer out = {bytes, PAGE_BYTES, 0};
	ZSTD_inBuffer in = {image->bytes + off, end - off, 0};
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	size_t ret;

	assert_true(end <= image->length);
	ret = ZSTD_decompressStream(zstd, &out, &in);
	assert_int_equal(ret, 0); /* the frame ends there */
	assert_int_equal(out.pos, PAGE_BYTES);
	ZSTD_freeDCtx(zstd);
}

void image_read(const struct image *image, uint64_t page, uint8_t *bytes)
{
	uint64_t entry = image_entry(image, page);

	switch (image_kind(image, page)) {
	case IMAGE_COMPRESSED:
		decompress(image, entry, bytes);
		break;
	case IMAGE_ZERO:
		memset(bytes, 0, PAGE_BYTES);
		break;
	case IMAGE_RAW:
		assert_true((entry & OFFSET) + PAGE_BYTES <= image->length);
		memcpy(bytes, image->bytes + (entry & OFFSET), PAGE_BYTES);
		break;
	case IMAGE_UNALLOCATED:
		break;
	}
}

void image_read_all(const struct image *image, uint8_t *disk)
{
	for (uint64_t page = 0; page < image->npages; page++)
		image_read(image, page, disk + page * PAGE_BYTES);
}

/* ---- the check -------------------------------------------------------- */

struct uses {
	const struct image *image;
	uint64_t nclusters;
	uint64_t *count; /* of each cluster of the file */
};

static void use(struct uses *uses, uint64_t off, uint64_t bytes)
{
	uint64_t last = bytes ? (off + bytes - 1) / PAGE_BYTES : 0;

	for (uint64_t i = off / PAGE_BYTES; bytes && i <= last; i++) {
		assert_true(i < uses->nclusters);
		uses->count[i]++;
	}
}

static void use_entry(struct uses *uses, uint64_t entry)
{
	uint64_t off, end;

	if (entry & COMPRESSED) {
		assert_false(entry & COPIED);
		off = compressed_range(entry, &end);
		use(uses, off, end - off);
	} else if (entry & OFFSET) {
		/* Reserved bits; a cluster of zeros has no data here. */
		assert_int_equal(entry & ~(COPIED | OFFSET), 0);
		assert_int_equal(entry & OFFSET & (PAGE_BYTES - 1), 0);
		use(uses, entry & OFFSET, PAGE_BYTES);
	} else {
		assert_int_equal(entry & ~ZERO_FLAG, 0);
	}
}

static void use_tables(struct uses *uses)
{
	const struct image *image = uses->image;

	use(uses, image->l1_off, image->l1_entries * 8);
	for (uint64_t i = 0; i < image->l1_entries; i++) {
		uint64_t l1 = image_number(image, image->l1_off + 8 * i, 8);

		if (!l1)
			continue;
		assert_int_equal(l1 & ~(COPIED | OFFSET), 0);
		use(uses, l1 & OFFSET, PAGE_BYTES);
		for (uint64_t k = 0; k < 512; k++)
			use_entry(uses, image_number(image,
						     (l1 & OFFSET) + 8 * k, 8));
	}
}

static uint64_t refcount(const struct image *image, uint64_t cluster)
{
	uint64_t table = image_number(image, 48, 8);
	uint64_t block;

	if (cluster / 2048 >= image_number(image, 56, 4) * 512)
		return 0;
	block = image_number(image, table + cluster / 2048 * 8, 8);
	return block ? image_number(image, block + cluster % 2048 * 2, 2) : 0;
}

static void use_refcounts(struct uses *uses)
{
	const struct image *image = uses->image;
	uint64_t table = image_number(image, 48, 8);
	uint64_t clusters = image_number(image, 56, 4);

	use(uses, table, clusters * PAGE_BYTES);
	for (uint64_t i = 0; i < clusters * 512; i++) {
		uint64_t block = image_number(image, table + 8 * i, 8);

		if (block)
			use(uses, block, PAGE_BYTES);
	}
}

static void check_copied(const struct image *image, uint64_t entry)
{
	uint64_t count = refcount(image, (entry & OFFSET) / PAGE_BYTES);

	if (entry & OFFSET && !(entry & COMPRESSED))
		assert_int_equal(!!(entry & COPIED), count == 1);
}

static void check_marks(const struct image *image)
{
	for (uint64_t i = 0; i < image->l1_entries; i++) {
		uint64_t l1 = image_number(image, image->l1_off + 8 * i, 8);

		if (!l1)
			continue;
		check_copied(image, l1);
		for (uint64_t k = 0; k < 512; k++)
			check_copied(
				image,
				image_number(image, (l1 & OFFSET) + 8 * k, 8));
	}
}

void image_check(const struct image *image)
{
	struct uses uses = {.image = image};

	/* Whole clusters, none beyond the counts. */
	assert_int_equal(image->length % PAGE_BYTES, 0);
	uses.nclusters = image->length / PAGE_BYTES;
	uses.count = calloc(uses.nclusters, sizeof(*uses.count));
	use(&uses, 0, PAGE_BYTES);
	use_tables(&uses);
	use_refcounts(&uses);
	for (uint64_t i = 0; i < uses.nclusters; i++)
		assert_int_equal(refcount(image, i), uses.count[i]);
	check_marks(image);
	free(uses.count);
}

/* ---- pages ------------------------------------------------------------ */

static void fill(struct test_rng *rng, uint8_t *page, size_t bytes,
		 unsigned int nvalues)
{
	for (size_t i = 0; i < bytes; i++)
		page[i] = (uint8_t)test_rng_below(rng, nvalues);
}

static void fill_words(struct test_rng *rng, uint8_t *page)
{
	static const char words[8][9] = {"register",	"memory, ",  "the page",
					 " is dirty",	"of \n    ", "uint64_t",
					 "    \t\t\t ", "return 0"};

	for (size_t i = 0; i < PAGE_BYTES; i += 8)
		memcpy(page + i, words[test_rng_below(rng, 8)], 8);
}

void image_draw_page(struct test_rng *rng, unsigned int kind, uint8_t *page)
{
	memset(page, 0, PAGE_BYTES);
	switch (kind % IMAGE_NKINDS) {
	case 0:
		break;
	case 1:
		fill(rng, page, PAGE_BYTES, 256);
		break;
	case 2:
		fill_words(rng, page);
		break;
	case 3: /* one byte that is not zero */
		page[test_rng_below(rng, PAGE_BYTES)] = 1;
		break;
	case 4:
		memset(page, (int)test_rng_below(rng, 255) + 1, PAGE_BYTES);
		break;
	case 5: /* about as large as pays */
		fill(rng, page, PAGE_BYTES, 200);
		break;
	case 6: /* random in part */
		fill(rng, page, test_rng_below(rng, PAGE_BYTES), 256);
		break;
	case 7:
		fill(rng, page, PAGE_BYTES, 20);
		break;
	}
}
