/* SPDX-License-Identifier: MIT */
/*
 * Memory for copies of pages, in chunks of 2 MiB, within a budget.
 *
 * A chunk that is returned is kept, populated, for the next save, up to a
 * limit: a page fault per page would double the time of a copy in a pause.
 * Chunks are not in core dumps, and not in children of fork(2).
 */
#ifndef LIB_CHECKPOINT_COPIES_H
#define LIB_CHECKPOINT_COPIES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define SMI_CHUNK_BYTES ((size_t)2 << 20)
#define SMI_CHUNK_PAGES 512 /* of 4 KiB */
/* A budget is never less. */
#define SMI_COPIES_MIN_CHUNKS 4

struct smi_chunk {
	struct smi_chunk *next;
	uint8_t *bytes; /* SMI_CHUNK_BYTES, aligned to as many */
};

/* In the order in which they were filled. */
struct smi_chunks {
	struct smi_chunk *first, *last;
	size_t n;
};

struct smi_copies {
	pthread_mutex_t lock; /* of all that follows; innermost */
	size_t limit;	      /* chunks */
	size_t used;	      /* that were handed out */
	struct smi_chunks idle;
};

void smi_copies_init(struct smi_copies *copies, uint64_t budget_bytes);
/* All chunks were returned. */
void smi_copies_clear(struct smi_copies *copies);

/*
 * smi_copies_get - one chunk more
 * Blocks: on mmap and the population. Threads: any.
 * Return: 0, -EAGAIN (the budget is used up), -ENOMEM.
 */
int smi_copies_get(struct smi_copies *copies, struct smi_chunk **ret_chunk);

/* Chunks that smi_copies_get could hand out now. */
size_t smi_copies_room(struct smi_copies *copies);

/* Give chunks back; @chunks is empty afterwards. */
void smi_copies_put(struct smi_copies *copies, struct smi_chunks *chunks);

/* Keep @nchunks idle ones at most. */
void smi_copies_trim(struct smi_copies *copies, size_t nchunks);

void smi_chunks_push(struct smi_chunks *chunks, struct smi_chunk *chunk);
/* The oldest one, or NULL. */
struct smi_chunk *smi_chunks_pop(struct smi_chunks *chunks);
/* Move all of @from behind @to. */
void smi_chunks_move(struct smi_chunks *to, struct smi_chunks *from);

#endif
