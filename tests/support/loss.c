/* SPDX-License-Identifier: MIT */
/*
 * Markers and viewers. A page's writer in unshared mode is its number modulo
 * the number of markers, so that all of them meet in every word.
 */
#include "loss.h"
#include "slow.h"

#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *allocate(uint64_t npages, size_t size)
{
	void *memory = calloc(npages, size);

	if (!memory)
		abort();
	return memory;
}

/* The page has no other writer: plain stores, ordered by nothing. */
static void write_own(struct loss *loss, uint64_t page)
{
	uint32_t n = atomic_load_explicit(&loss->content[page],
					  memory_order_relaxed) +
		     1;

	atomic_store_explicit(&loss->content[page], n, memory_order_relaxed);
	loss->mark(loss->opaque, page, 1);
	/* release: pairs with the acquire in loss_viewer_begin */
	atomic_store_explicit(&loss->done[page], n, memory_order_release);
}

/* Return: pages written. */
static uint64_t write_shared(struct loss *loss, uint64_t page, uint64_t npages)
{
	if (npages > loss->npages - page)
		npages = loss->npages - page;
	for (uint64_t i = page; i < page + npages; i++)
		atomic_fetch_add_explicit(&loss->content[i], 1,
					  memory_order_relaxed);
	loss->mark(loss->opaque, page, npages);
	/* release: pairs with the acquire in loss_viewer_begin */
	for (uint64_t i = page; i < page + npages; i++)
		atomic_fetch_add_explicit(&loss->done[i], 1,
					  memory_order_release);
	return npages;
}

static void *marker_main(void *opaque)
{
	struct loss *loss = opaque;
	unsigned int id = atomic_fetch_add_explicit(&loss->next_id, 1,
						    memory_order_relaxed);
	uint64_t random = (loss->seed ^ (id + 1) * 0x9e3779b97f4a7c15) | 1;
	uint64_t per_marker = (loss->npages - id - 1) / loss->nmarkers + 1;
	uint64_t nwrites = loss->is_shared ? 0 : loss->nmarks;

	for (uint64_t i = 0; i < loss->nmarks; i++) {
		uint64_t r = next_random(&random);

		if (loss->is_shared)
			nwrites += write_shared(
				loss, r % loss->npages,
				1 + (r >> 40) % 8 * ((r >> 50) % 2) * 20);
		else
			write_own(loss, r % per_marker * loss->nmarkers + id);
	}
	atomic_fetch_add_explicit(&loss->nwrites, nwrites,
				  memory_order_relaxed);
	/* release: the last marks are done before the thread is */
	atomic_fetch_sub_explicit(&loss->running, 1, memory_order_release);
	return NULL;
}

void loss_start(struct loss *loss)
{
	loss->content = allocate(loss->npages, sizeof(*loss->content));
	loss->done = allocate(loss->npages, sizeof(*loss->done));
	atomic_init(&loss->running, loss->nmarkers);
	atomic_init(&loss->next_id, 0);
	atomic_init(&loss->nwrites, 0);
	for (unsigned int i = 0; i < loss->nmarkers; i++)
		if (pthread_create(&loss->thread[i], NULL, marker_main, loss))
			abort();
}

bool loss_is_running(struct loss *loss)
{
	/* acquire: pairs with the end of marker_main */
	return atomic_load_explicit(&loss->running, memory_order_acquire) != 0;
}

void loss_join(struct loss *loss)
{
	for (unsigned int i = 0; i < loss->nmarkers; i++)
		pthread_join(loss->thread[i], NULL);
}

void loss_free(struct loss *loss)
{
	free(loss->content);
	free(loss->done);
}

#define SLOWDOWN (TEST_HAS_TSAN || TEST_IS_EMULATED ? 4 : 1)

uint64_t loss_marks(uint64_t share, uint64_t total)
{
	const char *given = getenv("SMUDGE_TEST_MARKS");
	uint64_t wanted = given ? strtoull(given, NULL, 0) : total / SLOWDOWN;

	return (uint64_t)(((__uint128_t)wanted * share + total - 1) / total);
}

void loss_viewer_init(struct loss_viewer *viewer, struct loss *loss)
{
	uint64_t npages = loss->npages;

	viewer->loss = loss;
	viewer->copied = allocate(npages, sizeof(uint32_t));
	viewer->done_before = allocate(npages, sizeof(uint32_t));
	viewer->content_after[0] = allocate(npages, sizeof(uint32_t));
	viewer->content_after[1] = allocate(npages, sizeof(uint32_t));
	viewer->last_pass = allocate(npages, sizeof(uint64_t));
	/* nothing is known of what was written before the first two passes */
	memset(viewer->content_after[0], 0xff, npages * sizeof(uint32_t));
	memset(viewer->content_after[1], 0xff, npages * sizeof(uint32_t));
	viewer->pass = 0;
}

void loss_viewer_free(struct loss_viewer *viewer)
{
	free(viewer->copied);
	free(viewer->done_before);
	free(viewer->content_after[0]);
	free(viewer->content_after[1]);
	free(viewer->last_pass);
}

void loss_viewer_begin(struct loss_viewer *viewer)
{
	viewer->pass++;
	/* acquire: pairs with the release after a mark */
	for (uint64_t i = 0; i < viewer->loss->npages; i++)
		viewer->done_before[i] = atomic_load_explicit(
			&viewer->loss->done[i], memory_order_acquire);
}

static uint32_t content_of(struct loss_viewer *viewer, uint64_t page)
{
	return atomic_load_explicit(&viewer->loss->content[page],
				    memory_order_relaxed);
}

void loss_viewer_copy(struct loss_viewer *viewer,
		      const struct smudge_batch *batch)
{
	for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		for (uint64_t n = 0; n < run.npages; n++) {
			uint64_t page = run.first_page + n;

			viewer->copied[page] = content_of(viewer, page);
			viewer->last_pass[page] = viewer->pass;
		}
	}
}

uint64_t loss_viewer_end(struct loss_viewer *viewer, uint64_t *ret_page)
{
	uint32_t *after = viewer->content_after[viewer->pass % 2];
	uint64_t nbroken = 0;

	for (uint64_t i = 0; i < viewer->loss->npages; i++) {
		bool is_stale = viewer->copied[i] < viewer->done_before[i];
		/* after[] still is what it was when pass - 2 ended */
		bool is_missed = viewer->done_before[i] > after[i] &&
				 viewer->last_pass[i] + 1 < viewer->pass;

		after[i] = content_of(viewer, i);
		if (!is_stale && !is_missed)
			continue;
		nbroken++;
		*ret_page = i;
	}
	return nbroken;
}

uint64_t loss_viewer_missing(struct loss_viewer *viewer, uint64_t *ret_page)
{
	uint64_t nmissing = 0;

	for (uint64_t i = 0; i < viewer->loss->npages; i++) {
		if (viewer->copied[i] == content_of(viewer, i))
			continue;
		nmissing++;
		*ret_page = i;
	}
	return nmissing;
}

uint64_t loss_viewer_copied(const struct loss_viewer *viewer)
{
	uint64_t nwrites = 0;

	for (uint64_t i = 0; i < viewer->loss->npages; i++)
		nwrites += viewer->copied[i];
	return nwrites;
}
