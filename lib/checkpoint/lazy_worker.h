/* SPDX-License-Identifier: MIT */
/*
 * Bringing pages of a chain into memory that a pager has.
 */
#ifndef LIB_CHECKPOINT_LAZY_WORKER_H
#define LIB_CHECKPOINT_LAZY_WORKER_H

#include "checkpoint/lazy_objects.h"

/*
 * @room_npages: pages of 4 KiB that are read at once, at least those of a huge
 *	page
 * Return: 0, -ENOMEM, or as smi_page_reader_create; it is closed also then.
 */
int smi_lazy_worker_open(struct smi_lazy_worker *worker,
			 const struct smudge_lazy *lazy, uint64_t room_npages,
			 struct smudge_error *err);

/*
 * smi_lazy_worker_prepare - for a worker that answers faults: find the digests
 *      of the largest region, so that the first page is read sooner. It is a
 *      help only
 */
void smi_lazy_worker_prepare(struct smi_lazy_worker *worker,
			     const struct smudge_lazy *lazy);
void smi_lazy_worker_close(struct smi_lazy_worker *worker);

/*
 * smi_lazy_worker_bring - read pages, and install those that are missing
 * @region: index in the match's held ones
 * @first_page, @npages: of 4 KiB, whole pages of the pager; they fit the buffer
 * @awaits: a thread waits for them: those of zeros are installed too
 * @ret_bytes: receives how much was installed
 *
 * Return: 0, or as smi_page_reader_pages, smudge_pager_install.
 */
int smi_lazy_worker_bring(struct smudge_lazy *lazy,
			  struct smi_lazy_worker *worker, size_t region,
			  uint64_t first_page, uint64_t npages, bool awaits,
			  uint64_t *ret_bytes, struct smudge_error *err);

/* What the pager calls: struct smudge_pager_options has the contract. */
int smi_lazy_bring(void *opaque, unsigned int thread, size_t region,
		   uint64_t offset_bytes, size_t length_bytes,
		   struct smudge_error *err);

#endif
