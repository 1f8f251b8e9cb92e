/* SPDX-License-Identifier: MIT */
/*
 * Pages to a block device, in several calls at once. Pages that follow each
 * other on the disk are joined to writes of up to 4 MiB; long runs of zeros
 * among them, and those that are zeros from the start, go by zero.
 */
#ifndef LIB_CHECKPOINT_DISK_WRITER_H
#define LIB_CHECKPOINT_DISK_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/calls.h"
#include "checkpoint/disk.h"
#include "checkpoint/disk_owner.h"
#include "qcow2/digest.h"

/* Of one write, and of the scratch memory that each thread needs. */
#define SMI_DISK_WRITE_PAGES 1024
#define SMI_DISK_ZERO_PAGES  16384

/* The context of the calls: it outlives the writer if one is left behind. */
struct smi_disk_context {
	struct smi_disk disk;
	struct smi_disk_owner owner;
	atomic_bool has_no_zero;	/* zeros are written */
	_Atomic uint64_t written_pages; /* relaxed: of this round, data */
	_Atomic uint64_t written_bytes; /* relaxed: all */
};

struct smi_disk_run;

struct smi_disk_writer {
	struct smi_calls *calls;	  /* borrowed */
	struct smi_disk_context *context; /* the calls' */
	struct smi_disk_run *open; /* pages to which others may be joined */
};

/* As smi_target_ops has them. */
int smi_disk_writer_data(struct smi_disk_writer *writer, uint64_t first_page,
			 uint64_t npages, const void *bytes,
			 struct smi_qcow2_digest *digests,
			 struct smudge_error *err);
int smi_disk_writer_zeros(struct smi_disk_writer *writer, uint64_t first_page,
			  uint64_t npages, struct smudge_error *err);
int smi_disk_writer_drain(struct smi_disk_writer *writer,
			  struct smudge_error *err);

/* Drained first; then the disk's flush. */
int smi_disk_writer_flush(struct smi_disk_writer *writer,
			  struct smudge_error *err);

/* What was not submitted is dropped. Nothing is borrowed afterwards. */
void smi_disk_writer_stop(struct smi_disk_writer *writer);

/*
 * smi_disk_calls_read - one page, within the deadline
 * Return: 0, or the failure.
 */
int smi_disk_calls_read(struct smi_calls *calls, uint64_t page, void *bytes,
			struct smudge_error *err);

#endif
