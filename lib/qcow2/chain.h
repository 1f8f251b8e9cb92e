/* SPDX-License-Identifier: MIT */
/*
 * Read a chain of qcow2 images: one image, its backing file, and so on.
 *
 * Images are what smudge writes and what qemu-img makes of it: versions 2 and
 * 3, clusters of 4 KiB to 2 MiB, raw, zero, zstd. What is not read is named:
 * encryption, external data files, extended L2 entries, deflate, clusters below
 * 4 KiB, a corrupt mark.
 *
 * HOSTILE FILES. All images are in one folder: a backing name with a directory
 * in it is refused unless that is the same folder. A chain that returns to an
 * image of its own, or is longer than SMI_QCOW2_MAX_IMAGES, is refused. Nothing
 * is allocated by a number of a file that the file's own length does not
 * justify. No read leaves an image or the caller's buffer.
 *
 * A chain is opened by its headers alone. Where each page is (which image, at
 * what offset) is found by one pass over the images' tables per window of the
 * disk, not by a walk per page. One descriptor is open at a time per reader.
 */
#ifndef LIB_QCOW2_CHAIN_H
#define LIB_QCOW2_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/check.h"

#define SMI_QCOW2_MAX_IMAGES 4096

struct smi_qcow2_chain;	 /* immutable when open: any number of threads */
struct smi_qcow2_reader; /* of one thread at a time */

/*
 * smi_qcow2_chain_open - open an image and all below it
 * @folder_fd: borrowed until close
 * @name: of the top image, no '/'
 *
 * Return: 0, -ENOENT (names the image that is missing), -EMEDIUMTYPE (no
 * regular file, no qcow2 image, or a feature that is not read), -EBADMSG
 * (damaged), -ELOOP, -EMLINK (too many images), -EXDEV (a backing file in
 * another folder), -ESTALE (a file was cut meanwhile), -ENOMEM, or that of
 * open(2), read(2).
 */
int smi_qcow2_chain_open(int folder_fd, const char *name,
			 struct smi_qcow2_chain **ret_chain,
			 struct smudge_error *err);
void smi_qcow2_chain_close(struct smi_qcow2_chain *chain);

/* A virtual disk itself, without qcow2 around it. */
struct smi_qcow2_raw {
	/* Reads all of it, or fails: 0, or -errno with a sentence. */
	int (*read)(void *opaque, uint64_t offset, void *bytes, size_t length,
		    struct smudge_error *err);
	void *opaque;
	uint64_t disk_bytes;
};

/*
 * smi_qcow2_chain_open_raw - a chain of one raw image, which is not looked at
 * @raw: copied; its read is called from any number of threads until close
 * @name: for sentences; copied
 *
 * Nothing of it is known before it is read: no page shows as zeros.
 * Return: 0, -ENOMEM.
 */
int smi_qcow2_chain_open_raw(const struct smi_qcow2_raw *raw, const char *name,
			     struct smi_qcow2_chain **ret_chain,
			     struct smudge_error *err);

/* Image 0 is the top. Names have no '/' and are the chain's. */
size_t smi_qcow2_chain_nimages(const struct smi_qcow2_chain *chain);
const char *smi_qcow2_chain_name(const struct smi_qcow2_chain *chain,
				 size_t image);
uint64_t smi_qcow2_chain_file_bytes(const struct smi_qcow2_chain *chain,
				    size_t image);
/* Pages of an image's virtual disk (rounded down). */
uint64_t smi_qcow2_chain_npages(const struct smi_qcow2_chain *chain,
				size_t image);

/*
 * smi_qcow2_reader_create - what a thread needs to read a chain
 * @chain: borrowed until destroy
 * @first: the image whose disk is read: pages are its
 * @depth: how many images from @first down are read; 0: all. Pages that none of
 *      them has read as zeros, with the origin SMI_QCOW2_NOWHERE
 *
 * Memory: what the disk's part in use needs, at most 60 MiB.
 * Return: 0, -EINVAL (no such images), -ENOMEM.
 */
int smi_qcow2_reader_create(const struct smi_qcow2_chain *chain, size_t first,
			    size_t depth, struct smi_qcow2_reader **ret_reader,
			    struct smudge_error *err);
void smi_qcow2_reader_destroy(struct smi_qcow2_reader *reader);

/*
 * smi_qcow2_reader_rest - close the reader's descriptor, and keep the rest
 *
 * For a reader that will be used again, but nothing says when.
 */
void smi_qcow2_reader_rest(struct smi_qcow2_reader *reader);

/*
 * smi_qcow2_reader_await - single pages will be read, and waited for
 *
 * Less of the images' tables is read for the first page of a place. Before the
 * reader is used.
 */
void smi_qcow2_reader_await(struct smi_qcow2_reader *reader);

/*
 * smi_qcow2_reader_keep - read through descriptors that stay open
 * @kept: of its chain (borrowed until destroy)
 */
struct smi_qcow2_kept;
void smi_qcow2_reader_keep(struct smi_qcow2_reader *reader,
			   const struct smi_qcow2_kept *kept);

/*
 * smi_qcow2_reader_locate - find where pages are before they are read
 * @end_page: of what will be read, in several calls; it may be far
 *
 * The images' tables are read now, once for all these calls (up to 4 GiB of the
 * disk), and not in steps that grow. Nothing is done if that is known.
 * Return: as smi_qcow2_reader_piece.
 */
int smi_qcow2_reader_locate(struct smi_qcow2_reader *reader,
			    uint64_t first_page, uint64_t end_page,
			    struct smudge_error *err);

#define SMI_QCOW2_NOWHERE SIZE_MAX

struct smi_qcow2_piece {
	uint64_t first_page, npages;
	size_t image; /* of the chain; or SMI_QCOW2_NOWHERE */
	bool is_zero; /* they read as zeros */
	bool is_compressed;
	/*
	 * Of raw pages, contiguous; else 0, and for pages that the file or an
	 * image's disk has only in part, which smi_qcow2_reader_read fills up
	 * with zeros.
	 */
	uint64_t file_off;
};

/*
 * smi_qcow2_reader_piece - where pages are: a run from @first_page on, before
 *      @end_page, that is alike
 *
 * The run may end early, and another of the same kind follow.
 * Return: 0, -EINVAL (no pages, or beyond the disk), -EBADMSG, -EMEDIUMTYPE
 * (deflate), -ESTALE (an image was replaced since the chain was opened),
 * -ENOMEM, or that of open(2), read(2).
 */
int smi_qcow2_reader_piece(struct smi_qcow2_reader *reader, uint64_t first_page,
			   uint64_t end_page, struct smi_qcow2_piece *ret_piece,
			   struct smudge_error *err);

/*
 * smi_qcow2_reader_read - read pages
 * @buffer: npages * 4096 bytes
 *
 * Sorted by image within one call, so that each image is opened once per call
 * (per 256 MiB): read many pages at once (64 MiB from long chains).
 * Return: as smi_qcow2_reader_piece. After a failure @buffer holds anything.
 */
int smi_qcow2_reader_read(struct smi_qcow2_reader *reader, uint64_t first_page,
			  uint64_t npages, void *buffer,
			  struct smudge_error *err);

/*
 * smi_qcow2_reader_read_checked - the same
 * @check: gets the pages, those of zeros included
 *
 * Return: as smi_qcow2_reader_read, or what @check returned, without a
 * sentence.
 */
int smi_qcow2_reader_read_checked(struct smi_qcow2_reader *reader,
				  uint64_t first_page, uint64_t npages,
				  void *buffer,
				  const struct smi_qcow2_check *check,
				  struct smudge_error *err);

/*
 * smi_qcow2_reader_read_stored - read pages as they are stored
 * @packed_bytes: of each page: 0, and @buffer has the page; or how many bytes
 *      there, at most, are a compressed cluster of this one page, as
 *      smi_qcow2_decompress takes it. Nothing was looked at in it
 *
 * What cannot be there like that is decompressed: larger clusters, and data
 * that are longer than the page.
 * Return: as smi_qcow2_reader_read.
 */
int smi_qcow2_reader_read_stored(struct smi_qcow2_reader *reader,
				 uint64_t first_page, uint64_t npages,
				 void *buffer, uint16_t *packed_bytes,
				 struct smudge_error *err);

#endif
