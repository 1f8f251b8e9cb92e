/* SPDX-License-Identifier: MIT */
/*
 * Writers OR the log, and the harvest moves it word by word to the bitmap.
 */
#include "sources_log.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "sources_bits.h"

struct bare {
	struct sources_ram ram;
	struct sources_bits log, dirty;
};

static void *bare_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));

	bare->ram = *ram;
	sources_bits_open(&bare->log, ram->npages);
	sources_bits_open(&bare->dirty, ram->npages);
	return bare;
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	free(bare->log.words);
	free(bare->dirty.words);
	free(bare);
}

static _Atomic uint64_t *word_at(const struct bare *bare, uint64_t i)
{
	return (_Atomic uint64_t *)&bare->log.words[i];
}

static void bare_arm(void *side)
{
	struct bare *bare = side;

	/* Relaxed: no writer runs yet. */
	for (uint64_t i = 0; i < bare->log.nwords; i++)
		atomic_store_explicit(word_at(bare, i), 0,
				      memory_order_relaxed);
}

/* Every write is logged, whether or not a harvest comes. */
static void bare_stop(void *side)
{
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	struct bare *bare = side;

	sources_ram_write(&bare->ram, npages, stride);
	for (uint64_t i = 0; i < npages; i++)
		/* Release: pairs with the acquire in bare_harvest. */
		atomic_fetch_or_explicit(word_at(bare, i * stride / 64),
					 UINT64_C(1) << i * stride % 64,
					 memory_order_release);
}

static void bare_harvest(void *side)
{
	struct bare *bare = side;

	for (uint64_t i = 0; i < bare->log.nwords; i++) {
		_Atomic uint64_t *word = word_at(bare, i);

		/* Acquire, both: pairs with the release in bare_write. */
		if (atomic_load_explicit(word, memory_order_acquire))
			bare->dirty.words[i] |= atomic_exchange_explicit(
				word, 0, memory_order_acquire);
	}
}

static uint64_t bare_found(void *side)
{
	return sources_bits_count(&((struct bare *)side)->dirty);
}

const struct sources_side sources_log_bare = {
	.open = bare_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
};
