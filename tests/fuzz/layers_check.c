/* SPDX-License-Identifier: MIT */
/*
 * A chain is read in all ways. Its digest is computed anew, from what was read.
 */
#include "layers_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/checkpoint.h>
#include <smudge/memory.h>

#include "checkpoint/chain.h"

#define PAGE ((size_t)4096)
/* A moment that is compared as a whole has no more. */
#define MAX_BYTES  ((size_t)16 << 20)
#define MAX_RUNS   4096
#define PAGES_STEP 3

static uint8_t *content, *again; /* MAX_BYTES each */

static void fail(const char *what, uint64_t value)
{
	fprintf(stderr, "%s (%llu)\n", what, (unsigned long long)value);
	abort();
}

bool layers_check(int ret, const struct smudge_error *err)
{
	if (ret >= 0)
		return true;
	if (err->code != ret || !err->message[0])
		fail("an error without a sentence", (uint64_t)-ret);
	return false;
}

static void prepare(void)
{
	if (content)
		return;
	content = malloc(MAX_BYTES);
	again = malloc(MAX_BYTES);
	if (!content || !again)
		abort();
}

static size_t bytes_of(const struct smudge_chain *chain)
{
	size_t bytes = 0;

	for (size_t i = 0; i < chain->layer.nregions; i++) {
		uint64_t n = chain->layer.regions[i].size_bytes;

		if (n > MAX_BYTES - bytes)
			return SIZE_MAX;
		bytes += (size_t)n;
	}
	return bytes;
}

static bool has_same_regions(const struct smi_layer *a,
			     const struct smi_layer *b)
{
	if (a->nregions != b->nregions)
		return false;
	for (size_t i = 0; i < a->nregions; i++) {
		const struct smi_layer_region *x = &a->regions[i];
		const struct smi_layer_region *y = &b->regions[i];

		if (x->size_bytes != y->size_bytes ||
		    x->nextents != y->nextents ||
		    memcmp(x->extents, y->extents,
			   x->nextents * sizeof(*x->extents)) != 0)
			return false;
	}
	return true;
}

/* The moment of the template that the chain says it is, or NULL. */
static const uint8_t *find_moment(const struct layers_template *t,
				  const struct smudge_chain *chain)
{
	for (size_t i = 0; i < LAYERS_N; i++) {
		const struct smi_layer *layer = &t->layers[i].layer;

		if (smi_qcow2_digest_is_equal(layer->digest,
					      chain->layer.digest) &&
		    has_same_regions(layer, &chain->layer))
			return t->layers[i].bytes;
	}
	return NULL;
}

/* Return: was all of it read? Regions one after the other in @bytes. */
static bool read_all(struct smudge_chain *chain, uint8_t *bytes)
{
	bool is_read = true;

	for (size_t i = 0; i < chain->layer.nregions; i++) {
		const struct smi_layer_region *region =
			&chain->layer.regions[i];
		struct smudge_error err = SMUDGE_ERROR_INIT;
		uint64_t npages = region->size_bytes >> region->page_shift;

		if (!layers_check(
			    smudge_chain_read(chain, i, 0, npages, bytes, &err),
			    &err))
			is_read = false;
		bytes += region->size_bytes;
	}
	return is_read;
}

/* Some pages, each alone: those that are given are the moment's. */
static void read_pages(struct smudge_chain *chain, const uint8_t *moment)
{
	for (size_t i = 0; i < chain->layer.nregions; i++) {
		const struct smi_layer_region *region =
			&chain->layer.regions[i];
		uint64_t bytes = UINT64_C(1) << region->page_shift;

		for (uint64_t at = 0; at < region->size_bytes;
		     at += PAGES_STEP * bytes) {
			struct smudge_error err = SMUDGE_ERROR_INIT;
			int ret = smudge_chain_read(chain, i, at / bytes, 1,
						    again, &err);

			if (layers_check(ret, &err) &&
			    memcmp(again, moment + at, bytes) != 0)
				fail("a wrong page is called good", at);
		}
		moment += region->size_bytes;
	}
}

/* The digest of the moment, naively from its pages. */
static void check_digest(const struct smudge_chain *chain, const uint8_t *bytes)
{
	struct smi_qcow2_digest sum = {0};

	for (size_t i = 0; i < chain->layer.nregions; i++) {
		const struct smi_layer_region *region =
			&chain->layer.regions[i];

		for (size_t j = 0; j < region->nextents; j++)
			for (uint64_t k = 0; k < region->extents[j].npages;
			     k++, bytes += PAGE)
				sum = smi_qcow2_digest_add(
					sum,
					smi_qcow2_digest(
						region->extents[j].disk_page +
							k,
						bytes));
	}
	if (!smi_qcow2_digest_is_equal(sum, chain->layer.digest))
		fail("the pages are not the digest's", 0);
}

static bool are_zeros(const uint8_t *bytes, size_t length)
{
	return !length || (!bytes[0] && !memcmp(bytes, bytes + 1, length - 1));
}

/* What is in no run is zeros. @bytes: of the region; NULL: unknown */
static void walk_data(struct smudge_chain *chain, size_t index,
		      const uint8_t *bytes)
{
	const struct smi_layer_region *region = &chain->layer.regions[index];
	uint64_t end = region->size_bytes >> region->page_shift;
	struct smudge_run run = {0, 0};
	uint64_t page = 0;

	for (unsigned int i = 0; i < MAX_RUNS; i++) {
		struct smudge_error err = SMUDGE_ERROR_INIT;
		int ret = smudge_chain_next_data(chain, index, page, end, &run,
						 &err);

		if (!layers_check(ret, &err))
			return;
		if (ret == 0)
			run = (struct smudge_run){end, 0};
		else if (run.first_page < page || !run.npages ||
			 run.npages > end - run.first_page)
			fail("no run of data", run.first_page);
		if (bytes && !are_zeros(bytes + (page << region->page_shift),
					(size_t)(run.first_page - page)
						<< region->page_shift))
			fail("data in no run", page);
		page = run.first_page + run.npages;
		if (page == end)
			return;
	}
}

/* Fails for regions that no memory has, as hostile layers do. */
static bool add_regions(struct smudge_memory *memory,
			const struct smi_layer *layer, uint8_t *bytes)
{
	for (size_t i = 0; i < layer->nregions; i++) {
		const struct smi_layer_region *from = &layer->regions[i];
		struct smudge_region_options options = {
			.size = sizeof(options),
			.name = from->name,
			.hva = bytes,
			.gpa = from->gpa,
			.size_bytes = from->size_bytes,
			.page_shift = from->page_shift,
		};
		struct smudge_region *region;
		struct smudge_error err = SMUDGE_ERROR_INIT;

		if (!layers_check(
			    smudge_region_add(memory, &options, &region, &err),
			    &err))
			return false;
		bytes += from->size_bytes;
	}
	return true;
}

/* Into memory that has something else. */
static void restore(struct smudge_chain *chain, size_t bytes,
		    const uint8_t *expected, bool must_work)
{
	const struct smudge_restore_options options = {.size = sizeof(options),
						       .nthreads = 1};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_memory *memory;
	uint8_t *to = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = 0;

	if (to == MAP_FAILED || smudge_memory_create(&memory) < 0)
		abort();
	memset(to, 0xa5, bytes + PAGE);
	if (add_regions(memory, &chain->layer, to)) {
		ret = smudge_restore(memory, chain, &options, &err);
		if (!layers_check(ret, &err) && must_work)
			fail("it verifies, and is not restored", 0);
		if (ret == 0 && expected && memcmp(to, expected, bytes) != 0)
			fail("restored wrong", 0);
	}
	for (size_t i = 0; i < PAGE; i++)
		if (to[bytes + i] != 0xa5)
			fail("written behind the regions", i);
	if (smudge_memory_destroy(memory, NULL) < 0)
		abort();
	munmap(to, bytes + PAGE);
}

static void look(struct smudge_chain *chain)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint64_t sum = 0;

	for (size_t i = 0; i < smudge_chain_nlayers(chain); i++) {
		struct smudge_layer_info info = {.size = sizeof(info)};

		smudge_error_clear(&err);
		layers_check(smudge_chain_layer(chain, i, &info, &err), &err);
	}
	for (size_t i = 0;; i++) {
		const void *bytes;
		const char *name;
		size_t length;

		if (smudge_chain_blob(chain, NULL, i, &bytes, &length, &name))
			break;
		for (size_t j = 0; j < length; j++)
			sum += ((const uint8_t *)bytes)[j];
	}
	/* All of them are read. */
	if (sum == UINT64_MAX)
		fail("a sum of bytes", sum);
}

void layers_check_chain(const struct layers_template *t,
			struct smudge_chain *chain, bool are_tables_ours)
{
	const uint8_t *moment = find_moment(t, chain);
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_verified = layers_check(
		smudge_chain_verify(chain, NULL, NULL, &err), &err);
	size_t bytes = bytes_of(chain);
	const uint8_t *at;
	bool is_read;

	prepare();
	at = content;
	look(chain);
	if (bytes > MAX_BYTES) {
		for (size_t i = 0; i < chain->layer.nregions; i++)
			walk_data(chain, i, NULL);
		return;
	}
	is_read = read_all(chain, content);
	if (is_verified && !is_read)
		fail("it verifies, and is not read", 0);
	/* Without regions nothing was read, and no digest compared. */
	if (is_read && bytes)
		check_digest(chain, content);
	if (is_read && moment && memcmp(content, moment, bytes) != 0)
		fail("another moment is called ours", 0);
	if (moment && are_tables_ours)
		read_pages(chain, moment);
	for (size_t i = 0; i < chain->layer.nregions; i++) {
		walk_data(chain, i, is_read ? at : NULL);
		at += chain->layer.regions[i].size_bytes;
	}
	restore(chain, bytes, is_read ? content : NULL, is_verified);
}
