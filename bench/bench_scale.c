/* SPDX-License-Identifier: MIT */
/*
 * Merges of a bitmap whose pages have another size than the clients': smaller
 * pages are folded, larger ones expanded. The baseline is the merge of the same
 * pages of the memory, by a bitmap of the smaller size into clients of the
 * smaller size. Both count the pages, as for a source's harvest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#include "bench.h"
#include "bitmap/merge.h"
#include "bitmap/scale.h"

#define MAX_SAMPLES 101
#define OFFSET	    37 /* of misaligned cases */

/*
 * 4 KiB pages to 64 KiB and 2 MiB, and back. Misaligned: bits to fold begin
 * within a word of the source, expanded ones within a word of the clients.
 */
static const struct direction {
	const char *name;
	unsigned int shift;
	bool is_finer; /* the source's pages are */
	uint64_t offset;
} directions[] = {
	{"fold-16", 4, true, 0},
	{"fold-512", 9, true, 0},
	{"expand-16", 4, false, 0},
	{"expand-512", 9, false, 0},
	{"fold-16-misaligned", 4, true, OFFSET},
	{"fold-512-misaligned", 9, true, OFFSET},
	{"expand-16-misaligned", 4, false, OFFSET},
	{"expand-512-misaligned", 9, false, OFFSET},
};

struct work {
	struct smi_scaled from;
	const uint64_t *equal_bits;
	uint64_t npages; /* the smaller ones */
	struct smudge_bitmap *equal[BENCH_CLIENTS];
	struct smudge_bitmap *scaled[BENCH_CLIENTS];
};

static void create_clients(struct smudge_bitmap **bitmaps, uint64_t npages)
{
	for (int i = 0; i < BENCH_CLIENTS; i++)
		bench_must(smudge_bitmap_create(npages, &bitmaps[i], NULL),
			   "a bitmap");
}

static void destroy_clients(struct smudge_bitmap **bitmaps)
{
	for (int i = 0; i < BENCH_CLIENTS; i++)
		smudge_bitmap_destroy(bitmaps[i]);
}

/* Clean again, as after a take: the memory of the words stays. */
static void clear_clients(struct smudge_bitmap **bitmaps)
{
	for (int i = 0; i < BENCH_CLIENTS; i++)
		smudge_bitmap_clear_range(bitmaps[i], 0,
					  smudge_bitmap_npages(bitmaps[i]));
}

/* Each of the @nbits bits becomes 2^shift bits. */
static uint64_t *repeat_bits(const uint64_t *bits, uint64_t nbits,
			     unsigned int shift)
{
	size_t bytes = ((nbits << shift) / 64 + 2) * 8;
	uint64_t *all = aligned_alloc(64, (bytes + 63) / 64 * 64);

	if (!all)
		bench_must(-ENOMEM, "bits");
	memset(all, 0, bytes);
	for (uint64_t i = 0; i < nbits << shift; i++)
		all[i / 64] |=
			(bits[(i >> shift) / 64] >> (i >> shift) % 64 & 1)
			<< i % 64;
	return all;
}

/* Touch the bits, so that both begin with them in the same cache. */
static void read_bits(const void *bits, uint64_t nbits)
{
	const volatile uint64_t *words = bits;

	for (uint64_t i = 0; i < nbits / 64; i += 8)
		(void)words[i];
}

static double merge_equal(struct work *work)
{
	uint64_t begin, found = 0;

	clear_clients(work->equal);
	read_bits(work->equal_bits, work->npages);
	begin = bench_now_ns();
	bench_must(smi_bitmap_merge(work->equal, BENCH_CLIENTS,
				    work->from.base_page, work->equal_bits,
				    work->from.first_bit, work->npages, &found),
		   "a merge");
	return (double)(bench_now_ns() - begin);
}

static double merge_scaled(struct work *work)
{
	uint64_t begin, found = 0;

	clear_clients(work->scaled);
	read_bits(work->from.bits, work->from.npages);
	begin = bench_now_ns();
	smi_bitmap_merge_scaled(work->scaled, BENCH_CLIENTS, &work->from,
				&found);
	return (double)(bench_now_ns() - begin);
}

static void measure(const struct bench_case *bench, struct work *work)
{
	static double equal[MAX_SAMPLES], scaled[MAX_SAMPLES];
	unsigned int n = bench_settings.nsamples;

	/* the first of each is dropped: it faults memory in */
	for (unsigned int i = 0; i <= n && !bench_interrupted; i++) {
		bench_progress_sample(i, n);
		equal[i ? i - 1 : 0] = merge_equal(work);
		scaled[i ? i - 1 : 0] = merge_scaled(work);
	}
	if (!bench_interrupted)
		bench_row(bench, "equal", bench_median(scaled, n),
			  bench_median(equal, n));
}

static void run_direction(const struct direction *d,
			  const struct bench_case *bench)
{
	uint64_t large = bench->npages >> d->shift;
	uint64_t nbits = d->is_finer ? bench->npages : large;
	uint64_t *bits = bench_pattern_bits(bench->pattern, nbits);
	uint64_t *all = d->is_finer ? bits : repeat_bits(bits, nbits, d->shift);
	struct work work = {
		.from = {.bits = bits,
			 .npages = nbits,
			 .is_finer = d->is_finer,
			 .shift = d->shift,
			 .first_bit = d->is_finer ? d->offset : 0,
			 .base_page = d->is_finer ? 0 : d->offset,
			 .limit_pages = d->is_finer ? large : bench->npages},
		.equal_bits = all,
		.npages = bench->npages,
	};

	create_clients(work.equal, work.npages + OFFSET);
	create_clients(work.scaled, work.from.limit_pages + OFFSET);
	measure(bench, &work);
	destroy_clients(work.equal);
	destroy_clients(work.scaled);
	if (all != bits)
		free(all);
	free(bits);
}

void bench_scale_cases(uint64_t npages, const struct pattern *pattern)
{
	struct bench_case bench = {.npages = npages, .pattern = pattern};

	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]);
	     i++) {
		bench.name = directions[i].name;
		if (bench_interrupted || !bench_wants_case(bench.name))
			continue;
		bench_progress_case("%s, %llu pages, %s %g %%", bench.name,
				    (unsigned long long)npages, pattern->name,
				    pattern->percent);
		run_direction(&directions[i], &bench);
	}
}
