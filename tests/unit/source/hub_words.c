/* SPDX-License-Identifier: MIT */
/*
 * A collect operation that posts pages in words: of the source whose harvest
 * collects, of another one, and without a harvest; behind the source's end;
 * in regions of other page sizes, from a page on that is no multiple of 64. The
 * oracle is a byte per page.
 */
#include "support.h"

#include <endian.h>
#include <string.h>

#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "source/hub_objects.h"

#define NROUNDS	   400
#define MAX_PAGES  5000
#define MAX_WORDS  70
#define PAGE_SHIFT 12

struct member {
	uint64_t npages;	 /* of 4 KiB */
	uint64_t first_page;	 /* in the region, of its pages */
	unsigned int page_shift; /* of the region */
	struct smudge_hub_member *hub;
	struct smudge_source *source;
	struct smudge_region *region;
	bool is_posted[MAX_PAGES];
};

struct world {
	struct test_rng rng;
	struct smudge_memory *memory;
	struct smudge_client *client;
	struct smudge_hub *hub;
	struct member members[2];
};

static void post_some(struct world *w, struct member *m)
{
	size_t nwords = 1 + test_rng_below(&w->rng, MAX_WORDS);
	uint64_t first = 64 * test_rng_below(&w->rng, MAX_PAGES / 64 + 2);
	uint64_t words[MAX_WORDS];

	for (size_t i = 0; i < nwords; i++) {
		words[i] = test_rng_next(&w->rng);
		for (uint64_t n = test_rng_below(&w->rng, 5); n; n--)
			words[i] &= test_rng_next(&w->rng);
		if (test_rng_below(&w->rng, 8) == 0)
			words[i] = ~UINT64_C(0);
		for (uint64_t p = first + 64 * i; p < m->npages; p++) {
			if (p == first + 64 * i + 64)
				break;
			m->is_posted[p] |= words[i] >> p % 64 & 1;
		}
		words[i] = htole64(words[i]);
	}
	smi_hub_post_words(m->hub, first, words, nwords);
}

static int collect(void *opaque, struct smudge_error *err)
{
	struct world *w = opaque;

	for (uint64_t n = test_rng_below(&w->rng, 4); n; n--)
		post_some(w, &w->members[test_rng_below(&w->rng, 2)]);
	return 0;
}

static void join(struct world *w, struct member *m, const char *name, void *hva)
{
	const struct smudge_hub_member_options options = {
		.size = sizeof(options),
		.npages = m->npages,
		.page_shift = PAGE_SHIFT};
	uint64_t npages = (m->npages << PAGE_SHIFT) >> m->page_shift;
	const struct smudge_region_options region = {
		.size = sizeof(region),
		.name = name,
		.hva = hva,
		.gpa = (uintptr_t)hva,
		.size_bytes = (m->first_page + npages) << m->page_shift,
		.page_shift = m->page_shift};

	assert_int_equal(
		smudge_hub_join(w->hub, &options, &m->source, &m->hub, NULL),
		0);
	assert_int_equal(
		smudge_region_add(w->memory, &region, &m->region, NULL), 0);
	assert_int_equal(smudge_region_attach(m->region, m->source,
					      m->first_page, npages, NULL),
			 0);
}

static void clean(struct world *w, struct member *m)
{
	assert_int_equal(smudge_client_skip(w->client, m->region, 0,
					    smudge_region_npages(m->region),
					    NULL),
			 0);
	memset(m->is_posted, 0, sizeof(m->is_posted));
}

static void world_open(struct world *w)
{
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops), .name = "words", .collect = collect};
	const struct smudge_client_options client = {.size = sizeof(client),
						     .name = "test"};

	w->rng = test_rng_start("hub_words");
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	assert_int_equal(smudge_hub_create(&ops, w, &w->hub, NULL), 0);
	join(w, &w->members[0], "same", (void *)0x100000000);
	join(w, &w->members[1], "larger", (void *)0x200000000);
	assert_int_equal(
		smudge_client_open(w->memory, &client, &w->client, NULL), 0);
	clean(w, &w->members[0]);
	clean(w, &w->members[1]);
}

static void world_close(struct world *w)
{
	assert_int_equal(smudge_client_close(w->client), 0);
	for (int i = 0; i < 2; i++)
		smudge_source_destroy(w->members[i].source);
	smudge_hub_destroy(w->hub);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
}

/* Of a page of the region. */
static bool is_expected(const struct member *m, uint64_t page)
{
	unsigned int shift = m->page_shift - PAGE_SHIFT;

	if (page < m->first_page)
		return false;
	for (uint64_t p = (page - m->first_page) << shift;
	     p >> shift == page - m->first_page; p++) {
		if (m->is_posted[p])
			return true;
	}
	return false;
}

static void check(struct world *w, struct member *m)
{
	for (uint64_t p = 0; p < smudge_region_npages(m->region); p++) {
		bool is_dirty = smudge_client_test(w->client, m->region, p);

		if (is_dirty != is_expected(m, p))
			fail_msg("page %d of region %s is %s", (int)p,
				 smudge_region_name(m->region),
				 is_dirty ? "reported for nothing" : "lost");
	}
}

static void test_words(void **state)
{
	struct world w = {.members = {{.npages = MAX_PAGES - 3,
				       .first_page = 7,
				       .page_shift = PAGE_SHIFT},
				      {.npages = 4096 + 16, .page_shift = 16}}};

	world_open(&w);
	for (int round = 0; round < NROUNDS; round++) {
		struct member *m = &w.members[round % 2];

		if (test_rng_below(&w.rng, 3) == 0)
			assert_int_equal(smudge_hub_collect(w.hub, NULL), 0);
		if (test_rng_below(&w.rng, 3) == 0)
			assert_int_equal(smudge_region_look(m->region, NULL),
					 0);
		assert_int_equal(smudge_region_harvest(m->region, NULL), 0);
		check(&w, m);
		clean(&w, m);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
