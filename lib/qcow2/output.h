/* SPDX-License-Identifier: MIT */
/*
 * The file of an image that is written: room at its end, and whole writes.
 */
#ifndef LIB_QCOW2_OUTPUT_H
#define LIB_QCOW2_OUTPUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct smi_qcow2_output {
	int fd;			    /* borrowed */
	_Atomic uint64_t end_bytes; /* where the next room begins */
};

/* Any thread: @bytes (a multiple of 4096) at the end. Return: their offset. */
static inline uint64_t smi_qcow2_output_reserve(struct smi_qcow2_output *output,
						uint64_t bytes)
{
	/* Relaxed: it orders nothing, it only counts. */
	return atomic_fetch_add_explicit(&output->end_bytes, bytes,
					 memory_order_relaxed);
}

/*
 * smi_qcow2_output_write - write all of it, at @off
 * @pieces: at most IOV_MAX; used up
 *
 * A signal of the file size limit (SIGXFSZ) is not raised.
 * Return: 0, -ENOSPC, -EDQUOT, -EFBIG, -EIO, ...: some may be written.
 */
int smi_qcow2_output_write(const struct smi_qcow2_output *output,
			   struct iovec *pieces, size_t npieces, uint64_t off);

/* The same, of one piece. */
int smi_qcow2_output_write_bytes(const struct smi_qcow2_output *output,
				 const void *bytes, size_t length,
				 uint64_t off);

#endif
