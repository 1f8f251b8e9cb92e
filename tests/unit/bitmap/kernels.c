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
#include "groups.h"

#include <stdio.h>
#include <string.h>

#include "bitmap/kernels/kernels.h"

#define GROUP_PAGES (SMI_GROUP_WORDS * 64)
#define GROUP_BYTES (SMI_GROUP_WORDS * sizeof(uint64_t))
#define NGROUPS	    600

#ifdef TEST_SIMDE
extern const struct smi_kernels test_kernels_avx512;
#endif

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

		group_draw(&rng, group, SMI_GROUP_WORDS);
		for (size_t bit = 0; bit < GROUP_PAGES; bit++)
			count += naive_test(group, bit);
		assert_true(group_is_same(k->classify(group, SMI_GROUP_WORDS),
					  group_naive(group)));
		assert_int_equal(k->popcount(group, ~UINT64_C(0)), count);
		assert_int_equal(k->popcount(group, UINT64_C(1) << n % 64),
				 __builtin_popcountll(group[n % 64]));
	}
	/* The first words of a group, and no memory before or after them. */
	for (unsigned int turn = 0; turn < 8 * NGROUPS; turn++) {
		unsigned int n = 1 + turn / 2 % SMI_GROUP_WORDS;
		uint64_t words[SMI_GROUP_WORDS] = {0};
		uint64_t *part = arena_words(&arena, turn, n);

		group_draw(&rng, part, n);
		memcpy(words, part, n * 8);
		assert_true(group_is_same(k->classify(part, n),
					  group_naive(words)));
	}
	/* One bit missing, anywhere, is not all ones; one alone is seen. */
	for (size_t bit = 0; bit < GROUP_PAGES; bit++) {
		uint64_t *group = arena_words(&arena, 0, SMI_GROUP_WORDS);
		uint64_t word = UINT64_C(1) << bit / 64;

		memset(group, 0xff, GROUP_BYTES);
		group[bit / 64] ^= UINT64_C(1) << bit % 64;
		assert_true(group_is_same(k->classify(group, SMI_GROUP_WORDS),
					  (struct smi_group){word, ~word}));
		memset(group, 0, GROUP_BYTES);
		assert_int_equal(k->skip_zero_groups(group, 1), 1);
		group[bit / 64] ^= UINT64_C(1) << bit % 64;
		assert_int_equal(k->skip_zero_groups(group, 1), 0);
		assert_true(group_is_same(k->classify(group, SMI_GROUP_WORDS),
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

static void test_or(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels or");
	struct arena arena_dst = arena_create(GROUP_BYTES);
	struct arena arena_packed = arena_create(SMI_PACKED_WORDS * 8);
	struct arena arena_src = arena_create(GROUP_BYTES);

	for (unsigned int turn = 0; turn < 8 * NGROUPS; turn++) {
		struct smi_store dst = {
			arena_words(&arena_dst, turn, SMI_GROUP_WORDS),
			arena_words(&arena_packed, turn, SMI_PACKED_WORDS)};
		uint64_t *src = arena_words(&arena_src, turn, SMI_GROUP_WORDS);
		uint64_t words[SMI_GROUP_WORDS];
		struct smi_group g;

		group_draw(&rng, words, SMI_GROUP_WORDS);
		if (turn % 4 == 0)
			memset(words, 0, GROUP_BYTES);
		if (turn % 4 == 1)
			group_thin_out(&rng, words);
		g = group_keep(&rng, words, dst);
		group_draw(&rng, src, SMI_GROUP_WORDS);
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
			words[i] |= src[i];
		k->or_group(dst, &g, src, group_naive(src), turn & 4);
		k->order_stores();
		assert_true(group_is_kept(g, dst, words));
	}
	arena_destroy(&arena_dst);
	arena_destroy(&arena_packed);
	arena_destroy(&arena_src);
}

/* Some words of a group, and no memory before or after them. */
static void test_or_part(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels or_part");
	struct arena arena_src = arena_create(GROUP_BYTES);

	for (unsigned int turn = 0; turn < 8 * NGROUPS; turn++) {
		uint64_t spread[SMI_GROUP_WORDS], packed[SMI_PACKED_WORDS];
		uint64_t words[SMI_GROUP_WORDS], added[SMI_GROUP_WORDS] = {0};
		unsigned int n = 1 + (unsigned int)test_rng_below(&rng, 64);
		unsigned int first =
			(unsigned int)test_rng_below(&rng, 64 - n + 1);
		uint64_t *src = arena_words(&arena_src, turn, n);
		struct smi_store dst = {spread, packed};
		struct smi_group g, add;

		group_draw(&rng, words, SMI_GROUP_WORDS);
		if (turn & 1)
			group_thin_out(&rng, words);
		g = group_keep(&rng, words, dst);
		group_draw(&rng, src, n);
		memcpy(added + first, src, n * 8);
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
			words[i] |= added[i];
		add = group_naive(added);
		k->or_part(dst, &g, src, first, &add);
		assert_true(group_is_kept(g, dst, words));
	}
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
		struct smi_group g;

		group_draw(&rng, src, SMI_GROUP_WORDS + 1);
		for (unsigned int shift = 1; shift < 64; shift++) {
			g = k->shift_group(dst, src, shift);
			assert_true(group_is_same(g, group_naive(dst)));
			for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
				assert_true(dst[i] ==
					    (src[i] >> shift |
					     src[i + 1] << (64 - shift)));
		}
	}
	arena_destroy(&arena_dst);
	arena_destroy(&arena_src);
}

/* Every bit of the smaller pages is one of a larger page's. */
static void test_scale(void **state)
{
	const struct smi_kernels *k = *state;
	struct test_rng rng = test_rng_start("kernels scale");
	struct arena arena_fine = arena_create(GROUP_BYTES);
	struct arena arena_coarse = arena_create(GROUP_BYTES);

	for (unsigned int turn = 0; turn < NGROUPS * 12; turn++) {
		unsigned int shift = 1 + turn % 12;
		size_t nbits = GROUP_PAGES >> shift;
		size_t n = (nbits + 63) / 64;
		uint64_t *fine = arena_words(&arena_fine, turn / 12, 64);
		uint64_t *coarse = arena_words(&arena_coarse, turn / 12, n);
		uint64_t expected[SMI_GROUP_WORDS] = {0};

		group_draw(&rng, fine, SMI_GROUP_WORDS);
		for (size_t bit = 0; bit < GROUP_PAGES; bit++)
			expected[(bit >> shift) / 64] |=
				(uint64_t)naive_test(fine, bit)
				<< (bit >> shift) % 64;
		k->fold_group(coarse, fine, shift);
		assert_memory_equal(coarse, expected, n * 8);

		group_draw(&rng, coarse, n);
		memset(expected, 0, GROUP_BYTES);
		for (size_t bit = 0; bit < GROUP_PAGES; bit++)
			expected[bit / 64] |=
				(uint64_t)naive_test(coarse, bit >> shift)
				<< bit % 64;
		k->expand_group(fine, coarse, shift);
		assert_memory_equal(fine, expected, GROUP_BYTES);
	}
	arena_destroy(&arena_fine);
	arena_destroy(&arena_coarse);
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
	struct arena arena_packed = arena_create(SMI_PACKED_WORDS * 8);
	struct arena out = arena_create((GROUP_PAGES + SMI_EDGE_SLACK + 1) *
					sizeof(uint32_t));
	static uint32_t expected[GROUP_PAGES];

	for (unsigned int turn = 0; turn < 8 * NGROUPS; turn++) {
		struct smi_store store = {
			arena_words(&arena, turn, SMI_GROUP_WORDS),
			arena_words(&arena_packed, turn, SMI_PACKED_WORDS)};
		uint64_t words[SMI_GROUP_WORDS];
		uint32_t base = (uint32_t)test_rng_next(&rng) & ~0xfffU;
		bool open = test_rng_below(&rng, 2);
		struct smi_edges edges = {.open = open};
		struct smi_group g;
		uint32_t *first;
		size_t n;

		group_draw(&rng, words, SMI_GROUP_WORDS);
		n = naive_edges(words, &open, base, expected);
		first = (uint32_t *)(void *)out.end - SMI_EDGE_SLACK - n;
		first[-1] = ~base;
		edges.next = first;
		g = group_keep(&rng, words, store);
		k->take_edges(store, g, base, &edges);
		assert_int_equal(edges.next - first, n);
		assert_memory_equal(first, expected, n * sizeof(*first));
		assert_int_equal(first[-1], ~base);
		assert_int_equal(edges.open, open);
	}
	arena_destroy(&arena);
	arena_destroy(&arena_packed);
	arena_destroy(&out);
}

static const struct {
	const char *name;
	CMUnitTestFunction function;
} tests[] = {
	{"summaries", test_summaries},
	{"searches", test_searches},
	{"or", test_or},
	{"or_part", test_or_part},
	{"shift", test_shift},
	{"scale", test_scale},
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
