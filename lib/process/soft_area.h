/* SPDX-License-Identifier: MIT */
/*
 * What the words of pagemap say about an area's pages, with what is remembered
 * of them: which pages were written, and which lost their content.
 */
#ifndef LIB_PROCESS_SOFT_AREA_H
#define LIB_PROCESS_SOFT_AREA_H

#include <stdbool.h>
#include <stdint.h>

enum smi_soft_kind {
	SMI_SOFT_ANONYMOUS,    /* private, without a file */
	SMI_SOFT_PRIVATE_FILE, /* private, of a file on no hugetlbfs */
	/* Nothing is known: all of it is reported by each harvest. */
	SMI_SOFT_UNKNOWN,
};

/* The bits of one area; the lock of soft_dirty.h. */
struct smi_soft_area {
	enum smi_soft_kind kind;
	uint64_t first_page, npages; /* host pages; addresses shifted */
	uint64_t *pending;	     /* a bit per page: to be reported */
	/* had content of the process's own, or a client may have read such */
	uint64_t *own;
	struct smi_soft_area *next;
};

/* Room for words of pagemap, so that nothing is allocated meanwhile. */
#define SMI_SOFT_WORDS 4096

/*
 * smi_soft_area_read - OR the pages that were written or lost their content
 *      since the last clear into @into
 * @pagemap: descriptor
 * @words: SMI_SOFT_WORDS of room
 * @is_look: what is remembered stays, and what has content now is added: a
 *      client may read it
 *
 * Makes system calls only: it may run in the guardian (target.h).
 * Return: 0 or -errno; what is unknown counts as written.
 */
int smi_soft_area_read(struct smi_soft_area *area, int pagemap, uint64_t *words,
		       uint64_t *into, bool is_look);

/*
 * smi_soft_area_was_read - a client has read these pages (addresses shifted)
 *
 * A page may get content after a collect, be read by a client because it was
 * dirty before, and be dropped: it is as the collect found it, and not as the
 * client did. So it counts as a page that had content.
 */
void smi_soft_area_was_read(struct smi_soft_area *area, uint64_t first_page,
			    uint64_t end_page);

/* All of its pages. */
void smi_soft_area_fill(const struct smi_soft_area *area, uint64_t *into);

static inline uint64_t smi_soft_area_nwords(const struct smi_soft_area *area)
{
	return (area->npages + 63) / 64;
}

#endif
