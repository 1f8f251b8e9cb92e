/* SPDX-License-Identifier: MIT */
/*
 * Random programs: a region grows and shrinks while it is marked and harvested
 * and clients open, take, return and close. Compared with a byte per page and
 * client after every step.
 */
#include "support.h"

#include <string.h>

#include "armed_source.h"
#include "fake_source.h"

#define MAX_NPAGES 300000
#define NCLIENTS   3

struct model {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_batch *batch;
	struct armed_source armed;
	uint64_t npages;
	struct smudge_client *client[NCLIENTS];
	uint8_t dirty[NCLIENTS][MAX_NPAGES];
	uint8_t touched[MAX_NPAGES]; /* and not harvested */
	struct test_rng rng;
};

static uint64_t draw(struct model *m, uint64_t bound)
{
	return test_rng_below(&m->rng, bound);
}

/* Often near the edges of words and groups, or the end. */
static uint64_t draw_page(struct model *m, uint64_t bound)
{
	static const unsigned int shifts[] = {6, 12, 18};
	uint64_t page = draw(m, bound);

	if (draw(m, 2))
		page = page >> shifts[draw(m, 3)] << shifts[draw(m, 3)];
	page += draw(m, 3);
	if (draw(m, 4) == 0)
		page = m->npages - draw(m, 2);
	return page < bound ? page : bound - 1;
}

static void set_all(struct model *m, uint64_t first, uint64_t npages)
{
	for (uint64_t p = first; p < m->npages && p < first + npages; p++) {
		for (int i = 0; i < NCLIENTS; i++)
			m->dirty[i][p] = 1;
	}
}

static void resize(struct model *m)
{
	uint64_t before = m->npages;
	uint64_t npages = draw_page(m, MAX_NPAGES) + 1;

	if (draw(m, 2))
		npages = 1 + (before + draw(m, 9000)) % MAX_NPAGES;
	assert_int_equal(smudge_region_resize(m->region, npages, NULL), 0);
	m->npages = npages;
	if (npages < before)
		return;
	set_all(m, before, npages - before);
	memset(m->touched + before, 0, npages - before);
}

static void mark(struct model *m)
{
	uint64_t first = draw_page(m, MAX_NPAGES), npages = draw(m, 5000);

	if (draw(m, 2))
		npages = 1;
	if (draw(m, 2))
		smudge_region_mark(m->region, first, npages);
	else
		smudge_memory_mark_gpa(m->memory, first << 12, npages << 12);
	set_all(m, first, npages);
}

static void touch(struct model *m)
{
	uint64_t page = draw_page(m, m->npages);

	for (uint64_t n = draw(m, 100); n && page < m->npages; n--, page++) {
		armed_touch(&m->armed, page);
		m->touched[page] = 1;
	}
}

static void harvest(struct model *m)
{
	assert_int_equal(smudge_region_harvest(m->region, NULL), 0);
	for (uint64_t p = 0; p < m->npages; p++) {
		if (m->touched[p])
			set_all(m, p, 1);
		m->touched[p] = 0;
	}
}

static void open_client(struct model *m, int i)
{
	bool is_first = !m->client[0] && !m->client[1] && !m->client[2];

	m->client[i] = fake_client(m->memory, "one", false);
	memset(m->dirty[i], 1, m->npages);
	if (is_first) /* the source starts */
		memset(m->touched, 0, m->npages);
}

static void take(struct model *m, int i)
{
	uint64_t first = draw_page(m, m->npages);
	uint64_t npages = draw(m, m->npages - first + 1);
	bool is_kept = draw(m, 3) == 0;

	assert_int_equal(smudge_client_take(m->client[i], m->region, first,
					    npages, m->batch, NULL),
			 0);
	for (size_t r = 0; r < smudge_batch_nruns(m->batch); r++) {
		struct smudge_run run = smudge_batch_run(m->batch, r);

		for (uint64_t p = 0; p < run.npages; p++) {
			assert_int_equal(m->dirty[i][run.first_page + p], 1);
			m->dirty[i][run.first_page + p] = is_kept;
		}
	}
	if (is_kept)
		assert_int_equal(smudge_client_return(m->client[i], m->batch),
				 0);
	else
		assert_int_equal(smudge_client_commit(m->client[i], m->batch),
				 0);
}

static void client_step(struct model *m)
{
	int i = (int)draw(m, NCLIENTS);

	if (!m->client[i]) {
		open_client(m, i);
	} else if (draw(m, 6)) {
		take(m, i);
	} else {
		assert_int_equal(smudge_client_close(m->client[i]), 0);
		m->client[i] = NULL;
	}
}

static void compare(struct model *m, int i)
{
	struct smudge_run run = {0, 0};
	uint64_t at = 0;

	while (smudge_client_next_dirty(m->client[i], m->region,
					run.first_page + run.npages, UINT64_MAX,
					&run)) {
		for (; at < run.first_page; at++)
			assert_int_equal(m->dirty[i][at], 0);
		for (; at < run.first_page + run.npages; at++)
			assert_int_equal(m->dirty[i][at], 1);
	}
	assert_in_range(at, 0, m->npages);
	for (; at < m->npages; at++)
		assert_int_equal(m->dirty[i][at], 0);
}

static void step(struct model *m)
{
	switch (draw(m, 8)) {
	case 0:
	case 1:
		resize(m);
		break;
	case 2:
	case 3:
		mark(m);
		break;
	case 4:
		touch(m);
		break;
	case 5:
		harvest(m);
		break;
	default:
		client_step(m);
		break;
	}
	for (int i = 0; i < NCLIENTS; i++) {
		if (m->client[i])
			compare(m, i);
	}
}

static void run_program(struct test_rng *rng, uint64_t npages, int nsteps)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	m.rng.state = test_rng_next(rng);
	m.npages = npages;
	assert_int_equal(smudge_memory_create(&m.memory), 0);
	m.region = fake_region_room(m.memory, 0, npages, MAX_NPAGES);
	assert_int_equal(smudge_batch_create(1 << 20, &m.batch, NULL), 0);
	armed_create_room(&m.armed, npages, MAX_NPAGES, false, true);
	assert_int_equal(
		smudge_region_attach(m.region, m.armed.source, 0, 0, NULL), 0);
	for (int i = 0; i < nsteps; i++)
		step(&m);
	for (int i = 0; i < NCLIENTS; i++)
		assert_int_equal(smudge_client_close(m.client[i]), 0);
	armed_destroy(&m.armed);
	assert_int_equal(smudge_batch_destroy(m.batch), 0);
	assert_int_equal(smudge_memory_destroy(m.memory, NULL), 0);
}

static void test_programs(void **state)
{
	static const uint64_t sizes[] = {1, 63, 64, 4095, 4096, 4097, 262144};
	struct test_rng rng = test_rng_start("resize_random");

	for (int i = 0; i < 28; i++)
		run_program(&rng, sizes[i % 7], 60);
}

TEST_MAIN(test_programs)
