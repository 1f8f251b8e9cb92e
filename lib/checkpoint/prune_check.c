/* SPDX-License-Identifier: MIT */
/*
 * A block is shared out in groups of pages, in ascending order: so when a page
 * is wrong, each before it is looked at too, and the first one is found.
 */
#include "checkpoint/prune_check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "checkpoint/workers.h"
#include "common/range.h"
#include "qcow2/decompress.h"
#include "qcow2/format.h"
#include "qcow2/worth.h"

#define GROUP_PAGES 64

/* A thread's. */
struct unpacker {
	ZSTD_DCtx *context;
	uint8_t page[SMI_QCOW2_PAGE_BYTES];
};

struct smi_prune_checker {
	bool is_unpacked;
	struct smi_workers *workers;
	unsigned int nthreads;
	struct unpacker *unpackers; /* of each thread */
	/* Of a round. All relaxed: smi_workers_run orders them. */
	const struct smi_prune_block *block;
	atomic_uint nbegun;		  /* threads */
	_Atomic uint64_t next_index;	  /* of the next group */
	_Atomic uint64_t first_bad_index; /* UINT64_MAX: none */
};

/* Decompress page @index. Return: where it is now; NULL: it is damaged. */
static const uint8_t *unpack(const struct smi_prune_block *block,
			     struct unpacker *unpacker, uint64_t index)
{
	const uint8_t *at = block->bytes + index * SMI_QCOW2_PAGE_BYTES;

	if (!block->packed_bytes[index])
		return at;
	return smi_qcow2_decompress(unpacker->context, at,
				    block->packed_bytes[index], unpacker->page,
				    SMI_QCOW2_PAGE_BYTES) < 0
		       ? NULL
		       : unpacker->page;
}

/* Page @index is right, and @bytes: leave it compressed, or put it there. */
static void settle(const struct smi_prune_checker *checker, uint64_t index,
		   const uint8_t *bytes)
{
	const struct smi_prune_block *block = checker->block;
	uint8_t *at = block->bytes + index * SMI_QCOW2_PAGE_BYTES;
	size_t frame_bytes = 0;

	if (!block->packed_bytes[index])
		return;
	/* A page without a digest is zeros. */
	if (!checker->is_unpacked &&
	    !smi_qcow2_digest_is_zero(block->digests[index]))
		frame_bytes = smi_qcow2_frame_bytes(
			at, block->packed_bytes[index], SMI_QCOW2_PAGE_BYTES);
	if (frame_bytes > SMI_QCOW2_MAX_PACKED_BYTES)
		frame_bytes = 0;
	if (!frame_bytes)
		memcpy(at, bytes, SMI_QCOW2_PAGE_BYTES);
	block->packed_bytes[index] = (uint16_t)frame_bytes;
}

static bool is_right(const struct smi_prune_checker *checker,
		     struct unpacker *unpacker, uint64_t index)
{
	const struct smi_prune_block *block = checker->block;
	struct smi_qcow2_digest digest = {0};
	const uint8_t *bytes = NULL;

	if (block->kinds[index] == SMI_PRUNE_NOWHERE)
		return true;
	if (block->kinds[index] == SMI_PRUNE_DATA) {
		bytes = unpack(block, unpacker, index);
		if (!bytes)
			return false;
		digest = smi_qcow2_digest(block->first_page + index, bytes);
	}
	if (!smi_qcow2_digest_is_equal(digest, block->digests[index]))
		return false;
	if (bytes)
		settle(checker, index, bytes);
	return true;
}

static void note_bad(struct smi_prune_checker *checker, uint64_t index)
{
	uint64_t first = atomic_load_explicit(&checker->first_bad_index,
					      memory_order_relaxed);

	while (index < first &&
	       !atomic_compare_exchange_weak_explicit(
		       &checker->first_bad_index, &first, index,
		       memory_order_relaxed, memory_order_relaxed))
		;
}

/* The next group of the block that is worth it; false: there is none. */
static bool next_group(struct smi_prune_checker *checker, uint64_t *ret_index)
{
	*ret_index = atomic_fetch_add_explicit(
		&checker->next_index, GROUP_PAGES, memory_order_relaxed);
	return *ret_index < checker->block->npages &&
	       *ret_index < atomic_load_explicit(&checker->first_bad_index,
						 memory_order_relaxed);
}

static void work(void *opaque)
{
	struct smi_prune_checker *checker = opaque;
	struct unpacker *unpacker =
		&checker->unpackers[atomic_fetch_add_explicit(
			&checker->nbegun, 1, memory_order_relaxed)];
	uint64_t index;

	while (next_group(checker, &index)) {
		uint64_t end =
			min_u64(index + GROUP_PAGES, checker->block->npages);

		while (index < end && is_right(checker, unpacker, index))
			index++;
		if (index < end)
			note_bad(checker, index);
	}
}

static int create_unpackers(struct smi_prune_checker *checker)
{
	checker->unpackers =
		calloc(checker->nthreads, sizeof(*checker->unpackers));
	for (unsigned int i = 0; checker->unpackers && i < checker->nthreads;
	     i++) {
		checker->unpackers[i].context = ZSTD_createDCtx();
		if (!checker->unpackers[i].context)
			return -ENOMEM;
	}
	return checker->unpackers ? 0 : -ENOMEM;
}

int smi_prune_checker_create(unsigned int nthreads, bool is_unpacked,
			     struct smi_prune_checker **ret_checker,
			     struct smudge_error *err)
{
	struct smi_prune_checker *checker = calloc(1, sizeof(*checker));
	int ret = -ENOMEM;

	if (checker) {
		checker->is_unpacked = is_unpacked;
		checker->nthreads = smi_workers_count(nthreads);
		ret = create_unpackers(checker);
	}
	if (ret < 0)
		smudge_error_set(err, ret, "prune",
				 "no memory to read a layer");
	else
		ret = smi_workers_create(checker->nthreads, &checker->workers,
					 err);
	if (ret < 0)
		smi_prune_checker_destroy(checker);
	else
		*ret_checker = checker;
	return ret;
}

void smi_prune_checker_destroy(struct smi_prune_checker *checker)
{
	if (!checker)
		return;
	smi_workers_destroy(checker->workers);
	for (unsigned int i = 0; checker->unpackers && i < checker->nthreads;
	     i++)
		ZSTD_freeDCtx(checker->unpackers[i].context);
	free(checker->unpackers);
	free(checker);
}

int smi_prune_check(struct smi_prune_checker *checker,
		    const struct smi_prune_block *block, uint64_t *ret_index)
{
	checker->block = block;
	atomic_store_explicit(&checker->nbegun, 0, memory_order_relaxed);
	atomic_store_explicit(&checker->next_index, 0, memory_order_relaxed);
	atomic_store_explicit(&checker->first_bad_index, UINT64_MAX,
			      memory_order_relaxed);
	smi_workers_run(checker->workers, work, checker);
	*ret_index = atomic_load_explicit(&checker->first_bad_index,
					  memory_order_relaxed);
	return *ret_index == UINT64_MAX ? 0 : -EBADMSG;
}
