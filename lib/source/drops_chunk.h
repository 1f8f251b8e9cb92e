/* SPDX-License-Identifier: MIT */
/*
 * What is known of each page of a source's ranges that can lose content without
 * a report (drops.h), and the chunks of pages that are checked together.
 */
#ifndef LIB_SOURCE_DROPS_CHUNK_H
#define LIB_SOURCE_DROPS_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/source.h>

#include "source/drops_resident.h"
#include "source/uffd_fds.h"
#include "sys/marker.h"
#include "sys/pagemap.h"

/* Pages that are checked together: 4096 pages have at most 2048 runs. */
#define SMI_DROPS_CHUNK_PAGES 4096
#define SMI_DROPS_CHUNK_WORDS (SMI_DROPS_CHUNK_PAGES / 64)
#define SMI_DROPS_CHUNK_RUNS  (SMI_DROPS_CHUNK_PAGES / 2)

/* Room for one chunk, so that a harvest allocates nothing. */
struct smi_drops_scratch {
	uint64_t words[SMI_DROPS_CHUNK_PAGES]; /* of pagemap */
	struct smi_sys_page_run runs[SMI_DROPS_CHUNK_RUNS];
	unsigned char resident[SMI_DROPS_CHUNK_PAGES];
};

/* Neighbouring mappings of one kind. */
struct smi_drops_range {
	uint64_t start; /* addresses, end exclusive */
	uint64_t end;
	bool is_shared;
	bool is_hugetlb; /* some of it */
	/* a bit per host page */
	uint64_t *own;	   /* private only */
	uint64_t *mapped;  /* shared only */
	uint64_t *content; /* shared only; a superset of mapped */
};

struct smi_drops {
	uint64_t base; /* the source's first address */
	unsigned int page_shift;
	int pagemap;			      /* borrowed */
	const struct smi_uffd_target *target; /* NULL: this process */
	struct smi_drops_resident resident;   /* of a target's shared memory */
	struct smi_sys_marker marker;
	struct smi_drops_range *ranges; /* ascending; no private anonymous */
	size_t nranges;
	struct smi_drops_scratch *scratch; /* NULL without ranges */
};

/* Pages of one range, a whole number of 64 from its start, or to its end. */
struct smi_drops_chunk {
	const struct smi_drops *drops;
	struct smi_drops_range *range;
	uint64_t first_page;	  /* of the range; a multiple of 64 */
	uint64_t npages;	  /* at most SMI_DROPS_CHUNK_PAGES */
	struct smudge_sink *sink; /* NULL: nothing is reported */
	bool is_look;		  /* no bit is cleared */
};

/* The first range that ends after @address, or nranges. */
size_t smi_drops_first_range(const struct smi_drops *d, uint64_t address);

/* Words of @npages pages from the chunk's @page on. Return: 0 or -errno. */
int smi_drops_words(const struct smi_drops_chunk *chunk, uint64_t page,
		    uint64_t npages, uint64_t *words);

/* Report the pages of a 64-page word, the @word-th of the chunk. */
void smi_drops_emit(const struct smi_drops_chunk *chunk, uint64_t word,
		    uint64_t bits, bool is_sure);

/* Address of the chunk's @page-th page. */
static inline uint64_t smi_drops_address(const struct smi_drops_chunk *chunk,
					 uint64_t page)
{
	return chunk->range->start +
	       ((chunk->first_page + page) << chunk->drops->page_shift);
}

static inline void smi_drops_set(uint64_t *bits, uint64_t first, uint64_t end)
{
	while (first < end) {
		uint64_t shift = first % 64;
		uint64_t n = 64 - shift;

		if (n > end - first)
			n = end - first;
		bits[first / 64] |= (~UINT64_C(0) >> (64 - n)) << shift;
		first += n;
	}
}

/* The first word at or after @word that is not 0, or @nwords. */
static inline uint64_t smi_drops_next(const uint64_t *bits, uint64_t word,
				      uint64_t nwords)
{
	while (word < nwords && !bits[word])
		word++;
	return word;
}

/* How many of the chunk's @word-th 64 pages exist. */
static inline uint64_t smi_drops_pages_of(const struct smi_drops_chunk *chunk,
					  uint64_t word)
{
	uint64_t left = chunk->npages - word * 64;

	return left < 64 ? left : 64;
}

#endif
