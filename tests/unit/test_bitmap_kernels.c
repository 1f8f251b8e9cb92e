/* SPDX-License-Identifier: MIT */
/*
 * Every function of every kernel table this processor can run, and of the
 * AVX-512 one on intrinsics in plain C, against the naive definition.
 *
 * Groups and edges lie between guard pages, so that a read outside a group,
 * or a store past the slack that writers of edges may use, ends the test.
 */
#include "support.h"
#include "arena.h"

#include <stdio.h>
#include <string.h>

#include "bitmap/kernels.h"

#define GROUP_PAGES (SMI_GROUP_WORDS * 64)
#define GROUP_BYTES (SMI_GROUP_WORDS * sizeof(uint64_t))
#define NGROUPS	    600

#ifdef TEST_SIMDE
extern const struct smi_kernels test_kernels_avx512;
#endif

static uint64_t draw_sparse(struct test_rng *rng, uint64_t per_million)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < 64; i++)
		word |= (uint64_t)(test_rng_below(rng, 1000000) < per_million)
			<< i;
	return word;
}

/* A few runs, so that words are ones, zeros, or change once or twice. */
static void draw_runs(struct test_rng *rng, uint64_t *words, size_t nwords)
{
	size_t at = 0;

	memset(words, 0, nwords * 8);
	while (at < nwords * 64) {
		size_t gap = (size_t)test_rng_below(rng, 200);
		size_t run = (size_t)test_rng_below(rng, 400);

		for (at += gap; run-- && at < nwords * 64; at++)
			words[at / 64] |= UINT64_C(1) << at % 64;
	}
}

static uint64_t draw_odd_word(struct test_rng *rng)
{
	static const uint64_t odd[] = {0,
				       ~UINT64_C(0),
				       1,
				       UINT64_C(1) << 63,
				       ~UINT64_C(0) >> 1,
				       ~UINT64_C(1),
				       UINT64_C(0x5555555555555555),
				       UINT64_C(0xaaaaaaaaaaaaaaaa)};
	uint64_t kind = test_rng_below(rng, 9);

	return kind < 8 ? odd[kind] : test_rng_next(rng);
}

/* Exactly so many edges a word as drawn: every count, every way to store. */
static void draw_edges(struct test_rng *rng, uint64_t *words, size_t nwords)
{
	uint64_t most = test_rng_below(rng, 65);
	bool dirty = false;

	for (size_t i = 0; i < nwords; i++) {
		uint64_t left = most ? test_rng_below(rng, most + 1) : 0;

		words[i] = 0;
		for (unsigned int bit = 0; bit < 64; bit++) {
			if (test_rng_below(rng, 64 - bit) < left) {
				dirty = !dirty;
				left--;
			}
			words[i] |= (uint64_t)dirty << bit;
		}
	}
}

/* Words of many kinds: kernels choose their way by how many are not zero. */
static void draw_words(struct test_rng *rng, uint64_t *words, size_t nwords)
{
	static const uint64_t per_million[] = {100,    1000,   3000,   6000,
					       10000,  30000,  60000,  100000,
					       250000, 500000, 900000, 999000};
	uint64_t kind = test_rng_below(rng, 20);
	uint64_t same = draw_odd_word(rng);

	if (kind == 16)
		draw_runs(rng, words, nwords);
	if (kind >= 17)
		draw_edges(rng, words, nwords);
	for (size_t i = 0; i < nwords && kind < 16; i++) {
		if (kind < 12)
			words[i] = draw_sparse(rng, per_million[kind]);
		else if (kind < 14)
			words[i] = draw_odd_word(rng);
		else if (kind == 14)
			words[i] = same;
		else
			words[i] = test_rng_below(rng, 4) ? 0 : same;
	}
}

static struct smi_group naive_group(const uint64_t *words)
{
	struct smi_group g = {0, 0};

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		if (words[i] == ~UINT64_C(0))
			g.ones |= UINT64_C(1) << i;
		else if (words[i])
			g.mixed |= UINT64_C(1) << i;
	}
	return g;
}

static bool is_same(struct smi_group a, struct smi_group b)
{
	return a.mixed == b.mixed && a.ones == b.ones;
}

/* As a map keeps it: words that are not mixed hold leftovers. */
static struct smi_group keep(struct test_rng *rng, uint64_t *words)
{
	struct smi_group g = naive_group(words);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		if (!(g.mixed >> i & 1))
			words[i] = draw_odd_word(rng);
	return g;
}

static bool naive_test(const uint64_t *words, size_t bit)
{
	return words[bit / 64] >> bit % 64 & 1;
}

static void test_summaries(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels summaries");
	struct arena arena = arena_create(GROUP_BYTES);

	for (unsigned int n = 0; n < NGROUPS; n++) {
		uint64_t *group = arena_words(&arena, n, SMI_GROUP_WORDS);
		uint64_t count = 0;

		draw_words(&rng, group, SMI_GROUP_WORDS);
		for (size_t bit = 0; bit < GROUP_PAGES; bit++)
			count += naive_test(group, bit);
		assert_true(is_same(k->classify(group), naive_group(group)));
		assert_int_equal(k->popcount(group, ~UINT64_C(0)), count);
		assert_int_equal(k->popcount(group, UINT64_C(1) << n % 64),
				 __builtin_popcountll(group[n % 64]));
	}
	/* One bit missing, anywhere, is not all ones; one alone is seen. */
	for (size_t bit = 0; bit < GROUP_PAGES; bit++) {
		uint64_t *group = arena_words(&arena, 0, SMI_GROUP_WORDS);
		uint64_t word = UINT64_C(1) << bit / 64;

		memset(group, 0xff, GROUP_BYTES);
		group[bit / 64] ^= UINT64_C(1) << bit % 64;
		assert_true(is_same(k->classify(group),
				    (struct smi_group){word, ~word}));
		memset(group, 0, GROUP_BYTES);
		assert_int_equal(k->skip_zero_groups(group, 1), 1);
		group[bit / 64] ^= UINT64_C(1) << bit % 64;
		assert_int_equal(k->skip_zero_groups(group, 1), 0);
		assert_true(is_same(k->classify(group),
				    (struct smi_group){word, 0}));
	}
	arena_destroy(&arena);
}

static void test_searches(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels searches");
	struct arena arena_a = arena_create(8 * GROUP_BYTES);
	struct arena arena_b = arena_create(8 * GROUP_BYTES);

	for (unsigned int turn = 0; turn < 20000; turn++) {
		size_t n = (size_t)test_rng_below(&rng, 80);
		size_t from = (size_t)test_rng_below(&rng, n + 1);
		size_t at = (size_t)test_rng_below(&rng, n + 10);
		size_t expected = at >= from && at < n ? at : n;
		uint64_t *a = arena_words(&arena_a, turn, n);
		uint64_t *b = arena_words(&arena_b, turn, n);
		uint64_t bit = UINT64_C(1) << test_rng_below(&rng, 64);

		memset(a, 0, n * 8);
		memset(b, 0, n * 8);
		if (at < n)
			*(turn & 2 ? &a[at] : &b[at]) = bit;
		if (from)
			a[test_rng_below(&rng, from)] |= at < from ? bit : 0;
		assert_int_equal(k->find_nonzero(a, b, from, n), expected);
		memset(a, 0xff, n * 8);
		if (at < n)
			a[at] ^= bit;
		assert_int_equal(k->find_not_ones(a, from, n), expected);
	}
	for (size_t zero = 0; zero <= 8; zero++) {
		uint64_t *words = arena_words(&arena_a, 0, 512);

		memset(words, 0, 8 * GROUP_BYTES);
		if (zero < 8)
			words[64 * zero + test_rng_below(&rng, 64)] = 1;
		assert_int_equal(k->skip_zero_groups(words, 8), zero);
	}
	arena_destroy(&arena_a);
	arena_destroy(&arena_b);
}

/* Some of @words zero, so that groups meet that have little in common. */
static void thin_out(struct test_rng *rng, uint64_t *words)
{
	uint64_t which = test_rng_next(rng) | test_rng_next(rng);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		if (!(which >> i & 1))
			words[i] = 0;
}

static void test_or(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels or");
	struct arena arena_dst = arena_create(GROUP_BYTES);
	struct arena arena_src = arena_create(GROUP_BYTES);

	for (unsigned int turn = 0; turn < 8 * NGROUPS; turn++) {
		uint64_t *dst = arena_words(&arena_dst, turn, SMI_GROUP_WORDS);
		uint64_t *src = arena_words(&arena_src, turn, SMI_GROUP_WORDS);
		uint64_t expected[SMI_GROUP_WORDS];
		bool past_cache = turn & 4;
		struct smi_group g;

		draw_words(&rng, dst, SMI_GROUP_WORDS);
		if (turn % 4 == 0)
			memset(dst, 0, GROUP_BYTES);
		if (turn % 4 == 1)
			thin_out(&rng, dst);
		draw_words(&rng, src, SMI_GROUP_WORDS);
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
			expected[i] = dst[i] | src[i];
		g = keep(&rng, dst);
		k->or_group(dst, &g, src, naive_group(src), past_cache);
		k->order_stores();
		assert_true(is_same(g, naive_group(expected)));
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
			if (g.mixed >> i & 1)
				assert_true(dst[i] == expected[i]);
	}
	arena_destroy(&arena_dst);
	arena_destroy(&arena_src);
}

static void test_shift(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels shift");
	struct arena arena_dst = arena_create(GROUP_BYTES);
	struct arena arena_src = arena_create(GROUP_BYTES + 8);

	for (unsigned int turn = 0; turn < NGROUPS; turn++) {
		uint64_t *dst = arena_words(&arena_dst, turn, SMI_GROUP_WORDS);
		uint64_t *src =
			arena_words(&arena_src, turn, SMI_GROUP_WORDS + 1);

		draw_words(&rng, src, SMI_GROUP_WORDS + 1);
		for (unsigned int shift = 1; shift < 64; shift++) {
			k->shift_group(dst, src, shift);
			for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
				assert_true(dst[i] ==
					    (src[i] >> shift |
					     src[i + 1] << (64 - shift)));
		}
	}
	arena_destroy(&arena_dst);
	arena_destroy(&arena_src);
}

/* The pages where a run starts or ends, looked for one by one. */
static size_t naive_edges(const uint64_t *group, bool *open, uint32_t base,
			  uint32_t *edges)
{
	size_t n = 0;

	for (uint32_t page = 0; page < GROUP_PAGES; page++) {
		if (naive_test(group, page) == *open)
			continue;
		*open = !*open;
		edges[n++] = base + page;
	}
	return n;
}

static void test_edges(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels edges");
	struct arena arena = arena_create(GROUP_BYTES);
	struct arena out = arena_create((GROUP_PAGES + SMI_EDGE_SLACK + 1) *
					sizeof(uint32_t));
	static uint32_t expected[GROUP_PAGES];

	for (unsigned int turn = 0; turn < 8 * NGROUPS; turn++) {
		uint64_t *group = arena_words(&arena, turn, SMI_GROUP_WORDS);
		uint32_t base = (uint32_t)test_rng_next(&rng) & ~0xfffU;
		bool open = test_rng_below(&rng, 2);
		struct smi_edges edges = {.open = open};
		uint32_t *first;
		size_t n;

		draw_words(&rng, group, SMI_GROUP_WORDS);
		n = naive_edges(group, &open, base, expected);
		first = (uint32_t *)(void *)out.end - SMI_EDGE_SLACK - n;
		first[-1] = ~base;
		edges.next = first;
		k->take_edges(group, keep(&rng, group), base, &edges);
		assert_int_equal(edges.next - first, n);
		assert_memory_equal(first, expected, n * sizeof(*first));
		assert_int_equal(first[-1], ~base);
		assert_int_equal(edges.open, open);
	}
	arena_destroy(&arena);
	arena_destroy(&out);
}

static const struct {
	const char *name;
	CMUnitTestFunction function;
} tests[] = {
	{"summaries", test_summaries},
	{"searches", test_searches},
	{"or", test_or},
	{"shift", test_shift},
	{"edges", test_edges},
};

#define NTESTS	   (sizeof(tests) / sizeof(tests[0]))
#define MAX_TABLES 8

struct list {
	struct CMUnitTest tests[MAX_TABLES * NTESTS];
	char names[MAX_TABLES * NTESTS][64];
	size_t ntests;
};

static void add_table(struct list *list, const char *name,
		      const struct smi_kernels *kernels)
{
	for (size_t i = 0; i < NTESTS; i++) {
		char *full = list->names[list->ntests];

		snprintf(full, sizeof(list->names[0]), "%s %s", name,
			 tests[i].name);
		list->tests[list->ntests++] = (struct CMUnitTest){
			.name = full,
			.test_func = tests[i].function,
			.initial_state = (void *)(uintptr_t)kernels,
		};
	}
}

int main(void)
{
	struct list list = {.ntests = 0};
	const struct smi_kernels *kernels;

	for (size_t i = 0; (kernels = smi_kernels_available(i)); i++)
		add_table(&list, kernels->name, kernels);
#ifdef TEST_SIMDE
	add_table(&list, "avx512 in C", &test_kernels_avx512);
#endif
	/* The macro counts an array; this list's length is its own. */
	return _cmocka_run_group_tests("kernels", list.tests, list.ntests, NULL,
				       NULL);
}
