/* SPDX-License-Identifier: MIT */
/*
 * Chunks: aligned, so that the kernel may use huge pages, and populated before
 * they are handed out.
 */
#include "checkpoint/copies.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/range.h"
#include "sys/guard.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define TOUCH_BYTES 4096

void smi_copies_init(struct smi_copies *copies, uint64_t budget_bytes)
{
	*copies = (struct smi_copies){
		.limit = (size_t)max_u64(budget_bytes / SMI_CHUNK_BYTES,
					 SMI_COPIES_MIN_CHUNKS),
	};
	pthread_mutex_init(&copies->lock, NULL);
}

void smi_copies_clear(struct smi_copies *copies)
{
	smi_copies_trim(copies, 0);
	pthread_mutex_destroy(&copies->lock);
}

/* Twice as much is mapped, and what is too much unmapped at both ends. */
static uint8_t *map_aligned(void)
{
	uint8_t *all = mmap(NULL, 2 * SMI_CHUNK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (all == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)all & (SMI_CHUNK_BYTES - 1);
	if (before)
		munmap(all, before);
	munmap(all + before + SMI_CHUNK_BYTES, SMI_CHUNK_BYTES - before);
	return all + before;
}

/* All advice may fail: then it is slower, or in a child too. */
static void populate(uint8_t *bytes)
{
	madvise(bytes, SMI_CHUNK_BYTES, MADV_HUGEPAGE);
	madvise(bytes, SMI_CHUNK_BYTES, MADV_DONTFORK);
	madvise(bytes, SMI_CHUNK_BYTES, MADV_DONTDUMP);
	if (!madvise(bytes, SMI_CHUNK_BYTES, MADV_POPULATE_WRITE))
		return;
	for (size_t at = 0; at < SMI_CHUNK_BYTES; at += TOUCH_BYTES)
		((volatile uint8_t *)bytes)[at] = 0;
}

static struct smi_chunk *create(void)
{
	struct smi_chunk *chunk = calloc(1, sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->bytes = map_aligned();
	if (!chunk->bytes) {
		free(chunk);
		return NULL;
	}
	populate(chunk->bytes);
	return chunk;
}

static void destroy(struct smi_chunk *chunk)
{
	munmap(chunk->bytes, SMI_CHUNK_BYTES);
	free(chunk);
}

/* Count one as used. Return: 0 with an idle one, or NULL if there is none. */
static int reserve(struct smi_copies *copies, struct smi_chunk **ret_chunk)
{
	SMI_SYS_GUARD(&copies->lock);
	if (copies->used >= copies->limit)
		return -EAGAIN;
	copies->used++;
	*ret_chunk = smi_chunks_pop(&copies->idle);
	return 0;
}

static void unreserve(struct smi_copies *copies)
{
	SMI_SYS_GUARD(&copies->lock);
	copies->used--;
}

int smi_copies_get(struct smi_copies *copies, struct smi_chunk **ret_chunk)
{
	int ret = reserve(copies, ret_chunk);

	if (ret < 0 || *ret_chunk)
		return ret;
	*ret_chunk = create();
	if (*ret_chunk)
		return 0;
	unreserve(copies);
	return -ENOMEM;
}

size_t smi_copies_room(struct smi_copies *copies)
{
	SMI_SYS_GUARD(&copies->lock);
	return copies->limit - copies->used;
}

void smi_copies_put(struct smi_copies *copies, struct smi_chunks *chunks)
{
	SMI_SYS_GUARD(&copies->lock);
	copies->used -= chunks->n;
	smi_chunks_move(&copies->idle, chunks);
}

static struct smi_chunk *pop_above(struct smi_copies *copies, size_t nchunks)
{
	SMI_SYS_GUARD(&copies->lock);
	return copies->idle.n > nchunks ? smi_chunks_pop(&copies->idle) : NULL;
}

void smi_copies_trim(struct smi_copies *copies, size_t nchunks)
{
	struct smi_chunk *chunk;

	while ((chunk = pop_above(copies, nchunks)))
		destroy(chunk);
}

void smi_chunks_push(struct smi_chunks *chunks, struct smi_chunk *chunk)
{
	chunk->next = NULL;
	if (chunks->last)
		chunks->last->next = chunk;
	else
		chunks->first = chunk;
	chunks->last = chunk;
	chunks->n++;
}

struct smi_chunk *smi_chunks_pop(struct smi_chunks *chunks)
{
	struct smi_chunk *chunk = chunks->first;

	if (!chunk)
		return NULL;
	chunks->first = chunk->next;
	if (!chunks->first)
		chunks->last = NULL;
	chunks->n--;
	chunk->next = NULL;
	return chunk;
}

void smi_chunks_move(struct smi_chunks *to, struct smi_chunks *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->n += from->n;
	*from = (struct smi_chunks){0};
}
