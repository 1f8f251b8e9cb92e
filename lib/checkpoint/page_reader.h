/* SPDX-License-Identifier: MIT */
/*
 * What a thread reads the regions of a layer with: digests, and pages that are
 * compared with them.
 *
 * Pages here are 4 KiB, from the region's first byte.
 */
#ifndef LIB_CHECKPOINT_PAGE_READER_H
#define LIB_CHECKPOINT_PAGE_READER_H

#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/chain.h"

/* Pages that go through a buffer at once: 16 MiB. */
#define SMI_READ_PAGES 4096
/*
 * Pages of which the digests are read at once, and which are read at once where
 * no buffer is needed: 64 MiB. Each such read opens all layers of a chain.
 */
#define SMI_PART_PAGES 16384

/* A part of one extent. */
struct smi_part {
	size_t region; /* index */
	uint64_t first_page, npages;
	uint64_t disk_page;
	uint64_t table_page;  /* that has the digest of first_page */
	uint64_t table_index; /* of the digest in that page */
};

/*
 * smi_part_at - the longest part from @first_page on, with at most @npages
 * @region: index, in @layer; the page is one of the region
 */
struct smi_part smi_part_at(const struct smi_layer *layer, size_t region,
			    uint64_t first_page, uint64_t npages);

/* Pages [@skip, @skip + @npages) of a part, but not beyond its end. */
struct smi_part smi_part_of(const struct smi_part *part, uint64_t skip,
			    uint64_t npages);

struct smi_page_reader;

int smi_page_reader_create(const struct smudge_chain *chain,
			   struct smi_page_reader **ret_reader,
			   struct smudge_error *err);
void smi_page_reader_destroy(struct smi_page_reader *reader); /* or NULL */

/* Read through descriptors of its chain that stay open; borrowed. */
struct smi_qcow2_kept;
void smi_page_reader_keep(struct smi_page_reader *reader,
			  const struct smi_qcow2_kept *kept);

/* Single pages will be read, and waited for; before the reader is used. */
void smi_page_reader_await(struct smi_page_reader *reader);

/* Close its descriptors; what it learned stays. */
void smi_page_reader_rest(struct smi_page_reader *reader);

/*
 * smi_page_reader_digests - the digests of a part of at most SMI_PART_PAGES
 * @ret_digests: the reader's, until its next call
 * Return: 0, or as smi_qcow2_reader_read.
 */
int smi_page_reader_digests(struct smi_page_reader *reader,
			    const struct smi_part *part,
			    const struct smi_qcow2_digest **ret_digests,
			    struct smudge_error *err);

/*
 * smi_page_reader_pages - the pages of a part of any length, verified
 * Return: 0, -EBADMSG (the error has region and page), or as
 * smi_qcow2_reader_read.
 */
int smi_page_reader_pages(struct smi_page_reader *reader,
			  const struct smi_part *part, void *buffer,
			  struct smudge_error *err);

/*
 * smi_page_reader_locate - find where the pages of a part of any length are,
 *      which will be read in several calls; as smi_qcow2_reader_locate
 */
int smi_page_reader_locate(struct smi_page_reader *reader,
			   const struct smi_part *part,
			   struct smudge_error *err);

/*
 * smi_page_reader_locate_digests - find where the digests of a part of any
 *      length are, before they are read
 */
int smi_page_reader_locate_digests(struct smi_page_reader *reader,
				   const struct smi_part *part,
				   struct smudge_error *err);

/*
 * smi_page_reader_no_digests - how many of a part's first pages have no digest,
 *      as far as that shows without reading the table
 * smi_page_reader_zeros - those that are zeros besides
 */
int smi_page_reader_no_digests(struct smi_page_reader *reader,
			       const struct smi_part *part,
			       uint64_t *ret_npages, struct smudge_error *err);
int smi_page_reader_zeros(struct smi_page_reader *reader,
			  const struct smi_part *part, uint64_t *ret_npages,
			  struct smudge_error *err);

#endif
