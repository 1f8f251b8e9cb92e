/* SPDX-License-Identifier: MIT */
/*
 * Write one qcow2 image of version 3 with clusters of 4 KiB, in one pass.
 *
 * Pages are handed over in any order; a page handed over again replaces what it
 * was (the file keeps the dead bytes until the next full layer). Threads of the
 * writer compute digests, find pages of zeros, decide whether compressing pays,
 * and compress. Data go to the end of the file in large writes; the tables
 * follow when all data are there, and the header at last, so a file cut short
 * is no image.
 *
 * The L2 tables are in memory until the end: 1/512 of the data; when the image
 * is finished, refcounts too, 1/2048 of the file. In the file zeros over a
 * backing file cost 8 bytes per page as well; in memory nothing for 512 pages
 * of a table that are handed over together.
 */
#ifndef LIB_QCOW2_WRITER_H
#define LIB_QCOW2_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/digest.h"
#include "qcow2/worth.h"

struct smi_qcow2_writer;

struct smi_qcow2_writer_options {
	int fd; /* borrowed: an empty regular file, open for read and write */
	uint64_t npages;	  /* of the virtual disk */
	const char *backing_name; /* of a qcow2 image; NULL: none. Copied */
	bool compress;
	unsigned int nthreads; /* of its own; 0: as many as processors, max 8 */
	const uint8_t *hint;   /* payload of the header extension; copied */
	size_t hint_bytes;     /* at most 256; 0: no extension */
};

struct smi_qcow2_writer_stats {
	uint64_t data_pages;	   /* stored, compressed or not */
	uint64_t compressed_pages; /* of them compressed */
	/* Handed over, each time; the others are of the finished image. */
	uint64_t zero_pages;
	uint64_t file_bytes;
};

/*
 * smi_qcow2_writer_create - begin to write an image; starts its threads
 * Return: 0, -EINVAL (more than 2^31 pages, which is an L1 table's limit; a
 * name that is empty or too long; a hint that is too long; over 256 threads; no
 * empty regular file), -ENOMEM, -EAGAIN (no thread).
 */
int smi_qcow2_writer_create(const struct smi_qcow2_writer_options *options,
			    struct smi_qcow2_writer **ret_writer,
			    struct smudge_error *err);

/*
 * smi_qcow2_writer_data - write pages
 * @bytes: npages * 4096, which no thread writes; borrowed until
 *      smi_qcow2_writer_drain, _finish or _destroy returns
 * @digests: receives a digest per page, by then; NULL: not wanted. Of a call
 *      that fails, or when drain or finish fails, they hold anything
 *
 * A page of zeros becomes a cluster that reads as zeros: with the zero flag if
 * the image has a backing file, else without one.
 * Blocks: while much is queued. Threads: one at a time per writer.
 * Return: 0, -EINVAL (beyond the disk: nothing is written, and the writer
 * continues), or its first failure, which every later call returns too:
 * -ENOMEM, -ENOSPC, -EDQUOT, -EFBIG, -EIO, ..., -ECANCELED.
 */
int smi_qcow2_writer_data(struct smi_qcow2_writer *writer, uint64_t first_page,
			  uint64_t npages, const void *bytes,
			  struct smi_qcow2_digest *digests,
			  struct smudge_error *err);

/*
 * smi_qcow2_writer_packed - write a page that is compressed already
 * @bytes: @length of them, one zstd frame that is the page, which is not
 *      checked; borrowed as by smi_qcow2_writer_data
 *
 * Return: as smi_qcow2_writer_data; -EINVAL also for an image that does not
 * compress, and for 0 or more than SMI_QCOW2_MAX_PACKED_BYTES.
 */
int smi_qcow2_writer_packed(struct smi_qcow2_writer *writer, uint64_t page,
			    const void *bytes, size_t length,
			    struct smudge_error *err);

/* The same for pages that read as zeros. */
int smi_qcow2_writer_zeros(struct smi_qcow2_writer *writer, uint64_t first_page,
			   uint64_t npages, struct smudge_error *err);

/*
 * Pages of data that are written, of those handed over so far. Any thread, also
 * while others call.
 */
uint64_t smi_qcow2_writer_written_pages(const struct smi_qcow2_writer *writer);

/*
 * Wait until all pages handed over are written and their digests computed. A
 * chunk that is not full is written too, up to the end of a cluster: so not
 * after every few pages.
 * Return: 0, or the writer's first failure. Nothing is borrowed either way.
 */
int smi_qcow2_writer_drain(struct smi_qcow2_writer *writer,
			   struct smudge_error *err);

/*
 * smi_qcow2_writer_finish - drain, write tables and header. The file is not
 *      flushed. Once; only destroy may follow.
 * Return: 0, or the writer's first failure: -ENOMEM, -ENOSPC, -EDQUOT, -EFBIG,
 * -EIO, ..., -ECANCELED. Nothing is borrowed either way.
 */
int smi_qcow2_writer_finish(struct smi_qcow2_writer *writer,
			    struct smi_qcow2_writer_stats *ret_stats,
			    struct smudge_error *err);

/*
 * Any thread, without waiting: what is in flight fails with -ECANCELED, unless
 * something failed before. Safe in a signal handler.
 */
void smi_qcow2_writer_cancel(struct smi_qcow2_writer *writer);

/* Ends its threads. The file is the caller's. NULL is a no-op. */
void smi_qcow2_writer_destroy(struct smi_qcow2_writer *writer);

#endif
