/* SPDX-License-Identifier: MIT */
/*
 * The pending bitmap against a model of the kernel's log: pages have versions,
 * a store sets the model's bit, a clear removes it. Clients take and copy at
 * random, clears fail at random, and in the end every client's copy is the
 * memory. Every clear is checked as KVM would check it. Looks and quiesced
 * harvests come between, after which takes clear nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/kvm_pending.h"
#include "support.h"

#define NCLIENTS 3
#define NSTEPS	 600
#define BASE	 37 /* of the slot, in its region */

struct model {
	struct smi_kvm_pending pending;
	struct test_rng *rng;
	uint64_t npages;
	uint64_t *log;	  /* the kernel's bits */
	uint32_t *memory; /* versions */
	uint32_t *copy[NCLIENTS];
	uint8_t *dirty[NCLIENTS];
	bool takes_rearm; /* as the memory layer's flag of a source */
	unsigned int clears;
	uint64_t take_first; /* the range being taken */
	uint64_t take_end;
};

static void *array(uint64_t n, size_t size)
{
	void *p = calloc(n, size);

	assert_non_null(p);
	return p;
}

static void model_open(struct model *m, struct test_rng *rng, uint64_t npages)
{
	memset(m, 0, sizeof(*m));
	assert_int_equal(smi_kvm_pending_open(&m->pending, npages), 0);
	m->rng = rng;
	m->npages = npages;
	m->log = array(npages / 64 + 1, sizeof(*m->log));
	m->memory = array(npages, sizeof(*m->memory));
	for (int i = 0; i < NCLIENTS; i++) {
		m->copy[i] = array(npages, sizeof(*m->copy[i]));
		m->dirty[i] = array(npages, 1);
		memset(m->dirty[i], 1, npages);
	}
}

static void model_close(struct model *m)
{
	smi_kvm_pending_close(&m->pending);
	free(m->log);
	free(m->memory);
	for (int i = 0; i < NCLIENTS; i++) {
		free(m->copy[i]);
		free(m->dirty[i]);
	}
}

/* Little-endian words, so a page is in the same byte on every host. */
static bool log_bit(const uint64_t *words, uint64_t page)
{
	return ((const uint8_t *)words)[page / 8] >> (page % 8) & 1;
}

static void log_set(uint64_t *words, uint64_t page)
{
	((uint8_t *)words)[page / 8] |= (uint8_t)(1 << (page % 8));
}

static void store(struct model *m, uint64_t page)
{
	m->memory[page]++;
	log_set(m->log, page);
}

static void store_near(struct model *m, uint64_t page)
{
	for (uint64_t p = page; p < m->npages && p < page + 40; p++) {
		if (test_rng_below(m->rng, 2))
			store(m, p);
	}
}

static void fetch(struct model *m, bool takes_rearm)
{
	m->takes_rearm = takes_rearm;
	memcpy(m->pending.words, m->log, m->pending.words_size);
	for (uint64_t p = 0; p < m->npages; p++) {
		for (int i = 0; i < NCLIENTS && log_bit(m->log, p); i++)
			m->dirty[i][p] = 1;
	}
}

/* KVM's own conditions; each page is taken, and the invariant holds for it. */
static int clear(void *opaque, uint64_t first_page, uint64_t npages,
		 const uint64_t *bits)
{
	struct model *m = opaque;

	assert_int_equal(first_page % 64, 0);
	assert_true(npages && npages <= SMI_KVM_CHUNK_PAGES);
	assert_true(first_page + npages <= m->npages);
	assert_true(npages % 64 == 0 || first_page + npages == m->npages);
	m->clears++;
	if (test_rng_below(m->rng, 10) == 0)
		return -EFAULT;
	for (uint64_t p = 0; p < npages; p++) {
		if (!log_bit(bits, p))
			continue;
		assert_true(log_bit(m->log, first_page + p));
		assert_in_range(first_page + p, m->take_first, m->take_end - 1);
		for (unsigned int i = 0; i < NCLIENTS; i++)
			assert_true(m->dirty[i][first_page + p]);
	}
	for (uint64_t i = 0; i < (npages + 63) / 64; i++)
		m->log[first_page / 64 + i] &= ~bits[i];
	return 0;
}

/* At most @max; their first pages are counted from page BASE of a region. */
static size_t find_runs(const uint8_t *dirty, uint64_t *first, uint64_t end,
			struct smudge_run *runs, size_t max)
{
	size_t n = 0;

	while (n < max) {
		while (*first < end && !dirty[*first])
			++*first;
		if (*first == end)
			break;
		runs[n].first_page = BASE + *first;
		while (*first < end && dirty[*first])
			++*first;
		runs[n].npages = BASE + *first - runs[n].first_page;
		n++;
	}
	return n;
}

static int add_one_by_one(struct smi_kvm_pass *pass,
			  const struct smudge_run *runs, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		uint64_t first = runs[i].first_page - BASE;

		ret = smi_kvm_pass_add(pass, first, first + runs[i].npages);
	}
	return ret;
}

/* The runs of a client's dirty pages in [first, end), as a take gives them */
static int rearm(struct model *m, const uint8_t *dirty, uint64_t first,
		 uint64_t end)
{
	struct smi_kvm_clear call = {.call = clear, .opaque = m};
	struct smudge_run runs[20];
	struct smi_kvm_pass pass;
	int ret = 0;
	size_t n;

	smi_kvm_pass_begin(&pass, &m->pending, &call);
	while (!ret && (n = find_runs(dirty, &first, end, runs, 20)) > 0)
		ret = test_rng_below(m->rng, 2)
			      ? smi_kvm_pass_add_runs(&pass, runs, n, BASE)
			      : add_one_by_one(&pass, runs, n);
	return ret ? ret : smi_kvm_pass_flush(&pass);
}

static void take(struct model *m, unsigned int client, uint64_t first,
		 uint64_t end)
{
	uint8_t *dirty = m->dirty[client];

	m->take_first = first;
	m->take_end = end;
	if (m->takes_rearm && rearm(m, dirty, first, end) < 0)
		return; /* the bits were put back */
	for (uint64_t p = first; m->takes_rearm && p < end; p++) {
		if (dirty[p]) /* it was cleared, or was not pending */
			assert_false(log_bit(m->pending.words, p));
	}
	for (uint64_t p = first; p < end; p++) {
		if (dirty[p])
			m->copy[client][p] = m->memory[p];
		dirty[p] = 0;
	}
}

/* A failed clear leaves the rest to the takes. */
static void harvest_quiesced(struct model *m)
{
	struct smi_kvm_clear call = {.call = clear, .opaque = m};
	struct smi_kvm_pass pass;

	fetch(m, true);
	m->take_first = 0;
	m->take_end = m->npages;
	smi_kvm_pass_begin(&pass, &m->pending, &call);
	if (smi_kvm_pass_add(&pass, 0, m->npages) == 0 &&
	    smi_kvm_pass_flush(&pass) == 0)
		m->takes_rearm = false;
}

static bool client_is_clean(const struct model *m, int client)
{
	return !memchr(m->dirty[client], 1, m->npages);
}

static void finish(struct model *m)
{
	fetch(m, true);
	for (int i = 0; i < NCLIENTS; i++) {
		while (!client_is_clean(m, i))
			take(m, (unsigned int)i, 0, m->npages);
		assert_memory_equal(m->copy[i], m->memory,
				    m->npages * sizeof(*m->memory));
	}
}

static void check_size(struct test_rng *rng, uint64_t npages, bool initially)
{
	struct model m;

	model_open(&m, rng, npages);
	for (uint64_t p = 0; initially && p < npages; p++)
		log_set(m.log, p);
	fetch(&m, true);
	for (int step = 0; step < NSTEPS; step++) {
		uint64_t page = test_rng_below(rng, npages);
		uint64_t end = page + test_rng_below(rng, npages - page) + 1;

		switch (test_rng_below(rng, 8)) {
		case 0:
			fetch(&m, true);
			break;
		case 1:
			fetch(&m, false); /* a look */
			break;
		case 2:
			harvest_quiesced(&m);
			break;
		case 3:
		case 4:
			take(&m, (unsigned int)test_rng_below(rng, NCLIENTS),
			     page, end);
			break;
		default:
			store_near(&m, page);
		}
	}
	finish(&m);
	assert_true(m.clears > 0);
	model_close(&m);
}

static void test_small_sizes(void **state)
{
	static const uint64_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 1000};
	struct test_rng rng = test_rng_start("kvm pending, small");

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_size(&rng, sizes[i], false);
		check_size(&rng, sizes[i], true);
	}
}

/* More than one chunk, and a last one that is short. */
static void test_chunks(void **state)
{
	struct test_rng rng = test_rng_start("kvm pending, chunks");

	check_size(&rng, SMI_KVM_CHUNK_PAGES, true);
	check_size(&rng, SMI_KVM_CHUNK_PAGES + 1, true);
	check_size(&rng, 2 * SMI_KVM_CHUNK_PAGES + 77, false);
}

TEST_MAIN(test_small_sizes, test_chunks)
