/* SPDX-License-Identifier: MIT */
/*
 * smudge as a contender, through its public header only; and vector-read, which
 * only reads the kernel's bitmap: the least time that a merge can take.
 */
#include <stdlib.h>

#include <smudge/bitmap.h>

#include "bench.h"

struct maps {
	uint64_t npages;
	struct smudge_bitmap *bitmap[BENCH_CLIENTS];
	struct smudge_batch *batch;
};

static void *create(uint64_t npages)
{
	struct maps *maps = malloc(sizeof(*maps));

	maps->npages = npages;
	for (int i = 0; i < BENCH_CLIENTS; i++)
		if (smudge_bitmap_create(npages, &maps->bitmap[i], NULL))
			abort();
	if (smudge_batch_create(BENCH_RUNS, &maps->batch, NULL))
		abort();
	return maps;
}

static void destroy(void *map)
{
	struct maps *maps = map;

	for (int i = 0; i < BENCH_CLIENTS; i++)
		smudge_bitmap_destroy(maps->bitmap[i]);
	smudge_batch_destroy(maps->batch);
	free(maps);
}

static void merge(void *map, const uint64_t *bits, unsigned int first_bit)
{
	struct maps *maps = map;

	if (smudge_bitmap_merge(maps->bitmap, BENCH_CLIENTS, 0, bits, first_bit,
				maps->npages))
		abort();
}

static uint64_t sum_batch(const struct smudge_batch *batch)
{
	struct smudge_run runs[256];
	size_t at = 0, n = 0;
	uint64_t sum = 0;

	if (!bench_reads_runs)
		return 0;
	while ((n = smudge_batch_runs(batch, at, runs, 256))) {
		for (size_t i = 0; i < n; i++)
			sum += bench_sum_run(runs[i]);
		at += n;
	}
	return sum;
}

static uint64_t take(void *map, unsigned int client)
{
	struct maps *maps = map;
	uint64_t at = 0, sum = 0;

	while (at < maps->npages) {
		if (smudge_bitmap_take(maps->bitmap[client], at,
				       maps->npages - at, maps->batch))
			abort();
		sum += sum_batch(maps->batch);
		at = smudge_batch_end_page(maps->batch);
		smudge_batch_discard(maps->batch);
	}
	return sum;
}

static void mark(void *map, uint64_t first_page, uint64_t npages)
{
	struct maps *maps = map;

	if (npages == 1)
		smudge_bitmap_mark(maps->bitmap[0], first_page);
	else
		smudge_bitmap_mark_range(maps->bitmap[0], first_page, npages);
}

static void fill(void *map)
{
	struct maps *maps = map;

	smudge_bitmap_fill(maps->bitmap[0]);
}

static struct smudge_run next_dirty(void *map)
{
	struct maps *maps = map;
	struct smudge_run run = {maps->npages, 0};

	smudge_bitmap_next_dirty(maps->bitmap[0], 0, maps->npages, &run);
	return run;
}

static struct smudge_run next_clean(void *map)
{
	struct maps *maps = map;
	struct smudge_run run = {maps->npages, 0};

	smudge_bitmap_next_clean(maps->bitmap[0], 0, maps->npages, &run);
	return run;
}

const struct contender contender_smudge = {
	"smudge", create, destroy,    merge,	  take,
	mark,	  fill,	  next_dirty, next_clean,
};

/* ---- vector-read ------------------------------------------------------ */

struct reader {
	uint64_t nwords;
	uint64_t seen;
};

static void *reader_create(uint64_t npages)
{
	struct reader *reader = malloc(sizeof(*reader));

	reader->nwords = npages / 64;
	reader->seen = 0;
	return reader;
}

typedef uint64_t vector __attribute__((vector_size(32), aligned(8)));

/* Four accumulators of 32 bytes, so that no OR waits for the one before. */
static inline __attribute__((always_inline)) uint64_t
or_words(const uint64_t *words, uint64_t nwords)
{
	vector a = {0}, b = {0}, c = {0}, d = {0};

	for (uint64_t i = 0; i + 16 <= nwords; i += 16) {
		const vector *v = (const vector *)(words + i);

		a |= v[0];
		b |= v[1];
		c |= v[2];
		d |= v[3];
	}
	a |= b | c | d;
	return a[0] | a[1] | a[2] | a[3];
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static uint64_t
or_words_avx2(const uint64_t *words, uint64_t nwords)
{
	return or_words(words, nwords);
}

static uint64_t or_all(const uint64_t *words, uint64_t nwords)
{
	return __builtin_cpu_supports("avx2") ? or_words_avx2(words, nwords)
					      : or_words(words, nwords);
}
#else
static uint64_t or_all(const uint64_t *words, uint64_t nwords)
{
	return or_words(words, nwords);
}
#endif

static void reader_merge(void *map, const uint64_t *bits,
			 unsigned int first_bit)
{
	struct reader *reader = map;

	reader->seen |= or_all(bits, reader->nwords);
	/* uses the result, so the compiler keeps the reads */
	__asm__ volatile("" : : "r"(reader->seen) : "memory");
}

const struct contender contender_vector_read = {
	.name = "vector-read",
	.create = reader_create,
	.destroy = free,
	.merge = reader_merge,
};
