/* SPDX-License-Identifier: MIT */
/*
 * Comparing pages with their digests, by several threads: those that are
 * compressed are decompressed for it, and stay as they are.
 */
#ifndef LIB_CHECKPOINT_PRUNE_CHECK_H
#define LIB_CHECKPOINT_PRUNE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/digest.h"

enum smi_prune_kind {
	SMI_PRUNE_NOWHERE, /* not looked at */
	SMI_PRUNE_ZEROS,
	SMI_PRUNE_DATA
};

/* Pages of an extent, in the order of the disk. */
struct smi_prune_block {
	uint64_t first_page, npages; /* of the disk */
	const uint8_t *kinds;
	uint8_t *bytes; /* 4096 for each page */
	/*
	 * As smi_qcow2_reader_read_stored has it. Of a page that is right it
	 * becomes the length of what smi_qcow2_writer_packed takes, or 0: then
	 * the page is there itself.
	 */
	uint16_t *packed_bytes;
	const struct smi_qcow2_digest *digests;
};

struct smi_prune_checker; /* of one thread, and its own ones */

/*
 * smi_prune_checker_create - start its threads
 * @nthreads: with the caller's; 0: processors, at most 8
 * @is_unpacked: no page shall stay compressed
 * Return: 0, -EAGAIN (no thread), -ENOMEM.
 */
int smi_prune_checker_create(unsigned int nthreads, bool is_unpacked,
			     struct smi_prune_checker **ret_checker,
			     struct smudge_error *err);
void smi_prune_checker_destroy(struct smi_prune_checker *checker); /* or NULL */

/*
 * smi_prune_check - compare all pages of a block
 * @ret_index: receives the first of them that is not what was written
 * Return: 0, -EBADMSG, without a sentence.
 */
int smi_prune_check(struct smi_prune_checker *checker,
		    const struct smi_prune_block *block, uint64_t *ret_index);

#endif
