/* SPDX-License-Identifier: MIT */
/*
 * The digests of all pages of a moment, and their sum.
 *
 * They are kept as the tables that a layer stores: 256 digests of 16 bytes per
 * table page, one table per extent. A table page of zeros only is not
 * allocated, so pages that were never touched cost nothing.
 *
 * A moment begins with the table pages of the moment before it, which both
 * share until one of them changes: then the new moment gets a page of its own.
 * So a moment that could not be stored is dropped, and the one before it is as
 * it was; and the pages that a layer must store are those of its own.
 *
 * One thread at a time uses moments that share pages.
 */
#ifndef LIB_CHECKPOINT_DIGESTS_H
#define LIB_CHECKPOINT_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/layer.h"
#include "qcow2/digest.h"

/* Digests in a table page. */
#define SMI_DIGESTS_PER_PAGE 256

struct smi_digests;

/*
 * smi_digests_create - the digests of the next moment, so far as known
 * @layer: where its regions are; borrowed until destroy
 * @before: the moment before it, whose extents that are in @layer too keep
 *      their digests; NULL: all are zero
 *
 * Return: 0, -ENOMEM.
 */
int smi_digests_create(const struct smi_layer *layer,
		       const struct smi_digests *before,
		       struct smi_digests **ret_digests,
		       struct smudge_error *err);
/* NULL is a no-op. */
void smi_digests_destroy(struct smi_digests *digests);

/*
 * smi_digests_set - pages of a region have these digests now
 * @region: index in the layer
 * @pages: one for each page; NULL: they are zeros
 * Return: 0, -ENOMEM: the moment can only be destroyed then.
 */
int smi_digests_set(struct smi_digests *digests, size_t region,
		    uint64_t first_page, uint64_t npages,
		    const struct smi_qcow2_digest *pages,
		    struct smudge_error *err);

struct smi_qcow2_digest smi_digests_get(const struct smi_digests *digests,
					size_t region, uint64_t page);
struct smi_qcow2_digest smi_digests_sum(const struct smi_digests *digests);

/*
 * @disk_page, @bytes: of a table page; the bytes are valid, and do not change,
 *      until the moment does
 */
typedef int smi_digests_found_fn(void *opaque, uint64_t disk_page,
				 const uint8_t *bytes,
				 struct smudge_error *err);

/*
 * smi_digests_each - the table pages that are not zeros; @found ends the walk
 *      with what is not 0
 * @only_own: those that are not the same as of the moment before, zeros too
 */
int smi_digests_each(const struct smi_digests *digests, bool only_own,
		     smi_digests_found_fn *found, void *opaque,
		     struct smudge_error *err);

#endif
