/* SPDX-License-Identifier: MIT */
/*
 * Chunks for copies: never more than the budget, kept up to a limit, populated
 * when they are handed out.
 */
#include <errno.h>
#include <sys/mman.h>

#include "checkpoint/copies.h"
#include "support.h"

static void fill(struct smi_copies *copies, struct smi_chunks *chunks)
{
	struct smi_chunk *chunk;

	while (!smi_copies_get(copies, &chunk))
		smi_chunks_push(chunks, chunk);
}

static void the_budget_is_a_limit(void **state)
{
	struct smi_copies copies;
	struct smi_chunks chunks = {0}, some = {0};
	struct smi_chunk *chunk;

	smi_copies_init(&copies, 10 * SMI_CHUNK_BYTES + 5);
	assert_int_equal(smi_copies_room(&copies), 10);
	fill(&copies, &chunks);
	assert_int_equal(chunks.n, 10);
	assert_int_equal(smi_copies_get(&copies, &chunk), -EAGAIN);
	for (int i = 0; i < 3; i++)
		smi_chunks_push(&some, smi_chunks_pop(&chunks));
	smi_copies_put(&copies, &some);
	assert_int_equal(some.n, 0);
	assert_int_equal(smi_copies_room(&copies), 3);
	fill(&copies, &chunks);
	assert_int_equal(chunks.n, 10);
	smi_copies_put(&copies, &chunks);
	assert_int_equal(copies.idle.n, 10);
	smi_copies_trim(&copies, 4);
	assert_int_equal(copies.idle.n, 4);
	smi_copies_clear(&copies);
}

static void the_least_budget(void **state)
{
	struct smi_copies copies;

	smi_copies_init(&copies, 1);
	assert_int_equal(smi_copies_room(&copies), SMI_COPIES_MIN_CHUNKS);
	smi_copies_clear(&copies);
}

static void a_chunk_is_populated(void **state)
{
	enum {
		NPAGES = SMI_CHUNK_BYTES / 4096
	};
	unsigned char is_there[NPAGES];
	struct smi_copies copies;
	struct smi_chunks chunks = {0};
	struct smi_chunk *chunk;

	smi_copies_init(&copies, 0);
	assert_int_equal(smi_copies_get(&copies, &chunk), 0);
	assert_int_equal((uintptr_t)chunk->bytes % SMI_CHUNK_BYTES, 0);
	assert_int_equal(mincore(chunk->bytes, SMI_CHUNK_BYTES, is_there), 0);
	for (int i = 0; i < NPAGES; i++)
		assert_int_equal(is_there[i] & 1, 1);
	smi_chunks_push(&chunks, chunk);
	smi_copies_put(&copies, &chunks);
	smi_copies_clear(&copies);
}

static void chunks_keep_their_order(void **state)
{
	struct smi_chunk chunk[4] = {0};
	struct smi_chunks a = {0}, b = {0};

	smi_chunks_move(&a, &b);
	assert_null(smi_chunks_pop(&a));
	smi_chunks_push(&a, &chunk[0]);
	smi_chunks_push(&b, &chunk[1]);
	smi_chunks_push(&b, &chunk[2]);
	smi_chunks_move(&a, &b);
	smi_chunks_push(&a, &chunk[3]);
	assert_int_equal(a.n, 4);
	assert_int_equal(b.n, 0);
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(smi_chunks_pop(&a), &chunk[i]);
	assert_null(smi_chunks_pop(&a));
	assert_null(a.last);
}

TEST_MAIN(the_budget_is_a_limit, the_least_budget, a_chunk_is_populated,
	  chunks_keep_their_order)
