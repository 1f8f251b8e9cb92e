/* SPDX-License-Identifier: MIT */
/*
 * What a layer brings back, against what was there: read through the chain's
 * images, with each page's digest and their sum. No more of the library is used
 * than the reader and the decoding of the tail.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "checkpoint/readers.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"
#include "qcow2/chain.h"
#include "rig.h"

enum {
	PAGE = 4096
};

struct disk {
	int folder_fd;
	struct smi_qcow2_chain *chain;
	struct smi_qcow2_reader *reader;
	struct smi_layer layer;
};

static void open_disk(struct rig *rig, const char *name, struct disk *disk)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	disk->folder_fd = open(rig->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A pruner leaves alone what is read. */
	if (smi_readers_enter(disk->folder_fd, &err) ||
	    smi_qcow2_chain_open(disk->folder_fd, name, &disk->chain, &err) ||
	    smi_qcow2_reader_create(disk->chain, 0, 0, &disk->reader, &err))
		fail_msg("%s", err.message);
}

static void close_disk(struct disk *disk)
{
	smi_layer_clear(&disk->layer);
	smi_qcow2_reader_destroy(disk->reader);
	smi_qcow2_chain_close(disk->chain);
	close(disk->folder_fd);
}

/* Owned by the caller. */
static uint8_t *read_pages(struct disk *disk, uint64_t first_page,
			   uint64_t npages)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t *bytes = malloc(npages * PAGE);

	if (smi_qcow2_reader_read(disk->reader, first_page, npages, bytes,
				  &err))
		fail_msg("%s", err.message);
	return bytes;
}

static void read_tail(struct disk *disk)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t npages = smi_qcow2_chain_npages(disk->chain, 0);
	uint8_t *page = read_pages(disk, npages - 1, 1);
	struct smi_footer footer;
	uint8_t *tail;

	if (smi_footer_decode(page, npages, &footer, &err))
		fail_msg("%s", err.message);
	tail = read_pages(disk, footer.tail_page, footer.tail_npages);
	if (smi_tail_decode(&footer, tail, npages, &disk->layer, &err))
		fail_msg("%s", err.message);
	free(tail);
	free(page);
}

static struct smi_qcow2_digest table_entry(const uint8_t *table, uint64_t page)
{
	const uint8_t *at = table + page * 16;

	return (struct smi_qcow2_digest){little_endian_get(at, 8),
					 little_endian_get(at + 8, 8)};
}

static void compare_page(const char *name, uint64_t page, const uint8_t *got,
			 const uint8_t *expected)
{
	if (memcmp(got, expected, PAGE))
		fail_msg("page %d of %s differs", (int)page, name);
}

/* Return: the sum of the digests. */
static struct smi_qcow2_digest
compare_extent(struct disk *disk, const char *name,
	       const struct smi_layer_extent *extent, const uint8_t *expected)
{
	uint8_t *bytes = read_pages(disk, extent->disk_page, extent->npages);
	uint8_t *table = read_pages(disk, extent->table_page,
				    smi_layer_table_npages(extent->npages));
	struct smi_qcow2_digest sum = {0};

	for (uint64_t i = 0; i < extent->npages; i++) {
		struct smi_qcow2_digest digest = smi_qcow2_digest(
			extent->disk_page + i, bytes + i * PAGE);

		compare_page(name, extent->first_page + i, bytes + i * PAGE,
			     expected + i * PAGE);
		if (!smi_qcow2_digest_is_equal(digest, table_entry(table, i)))
			fail_msg("page %d of %s has another digest",
				 (int)(extent->first_page + i), name);
		sum = smi_qcow2_digest_add(sum, digest);
	}
	free(table);
	free(bytes);
	return sum;
}

static struct smi_qcow2_digest
compare_region(struct disk *disk, const struct smi_layer_region *region,
	       const struct rig_moment *moment)
{
	struct smi_qcow2_digest sum = {0};
	size_t k = 0;

	while (k < moment->nregions &&
	       strcmp(moment->regions[k].name, region->name))
		k++;
	assert_true(k < moment->nregions);
	assert_int_equal(region->size_bytes, moment->regions[k].npages * PAGE);
	for (size_t i = 0; i < region->nextents; i++) {
		const struct smi_layer_extent *extent = &region->extents[i];

		sum = smi_qcow2_digest_add(
			sum, compare_extent(disk, region->name, extent,
					    moment->regions[k].bytes +
						    extent->first_page * PAGE));
	}
	return sum;
}

void rig_compare(struct rig *rig, uint64_t number,
		 const struct rig_moment *moment)
{
	char name[SMI_FOLDER_NAME_BYTES];
	struct smi_qcow2_digest sum = {0};
	struct disk disk = {0};

	smi_folder_name(number, name);
	open_disk(rig, name, &disk);
	read_tail(&disk);
	assert_int_equal(disk.layer.nregions, moment->nregions);
	for (size_t i = 0; i < disk.layer.nregions; i++)
		sum = smi_qcow2_digest_add(
			sum,
			compare_region(&disk, &disk.layer.regions[i], moment));
	assert_true(smi_qcow2_digest_is_equal(sum, disk.layer.digest));
	close_disk(&disk);
}
