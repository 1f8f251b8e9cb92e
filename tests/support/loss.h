/* SPDX-License-Identifier: MIT */
/*
 * Detects lost writes. Markers change a page's content (a counter), mark the
 * page, and then store the same number in a second counter. A viewer takes
 * pages and copies their content, as a migration does. Between a viewer's
 * passes:
 *
 *   (a) a page whose mark returned before a pass began, with content that no
 *       earlier pass copied, is in that pass: copied >= done-before;
 *   (b) two consecutive passes together report at least the pages written
 *       from the end of the pass before them up to the begin of the second.
 *
 * The contents are relaxed atomics without read-modify-write where a page has
 * one writer only: nothing here orders what the library must order itself.
 */
#ifndef TESTS_SUPPORT_LOSS_H
#define TESTS_SUPPORT_LOSS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/batch.h>

#define LOSS_MAX_MARKERS 8

struct loss {
	uint64_t npages;
	unsigned int nmarkers;
	uint64_t nmarks; /* of each marker */
	bool is_shared;	 /* any marker may write any page, in ranges too */
	uint64_t seed;
	void (*mark)(void *opaque, uint64_t first_page, uint64_t npages);
	void *opaque;

	_Atomic uint32_t *content; /* [npages], changed before the mark */
	_Atomic uint32_t *done;	   /* [npages], changed after it */
	atomic_uint running;	   /* markers not finished yet */
	atomic_ullong nwrites;	   /* of single pages, by finished markers */
	pthread_t thread[LOSS_MAX_MARKERS];
	atomic_uint next_id;
};

/* One consumer; several may view the same markers. */
struct loss_viewer {
	struct loss *loss;
	uint32_t *copied;	    /* content as last copied */
	uint32_t *done_before;	    /* when this pass began */
	uint32_t *content_after[2]; /* when the last two passes ended */
	uint64_t *last_pass;	    /* that contained the page */
	uint64_t pass;		    /* from 1 */
};

/* Fields up to opaque are set by the caller. Threads start at once. */
void loss_start(struct loss *loss);
bool loss_is_running(struct loss *loss);
void loss_join(struct loss *loss);
void loss_free(struct loss *loss);

/*
 * Marks (calls) that a case with @share of the usual @total of its file makes:
 * @share of them, a quarter of it under ThreadSanitizer and in emulation; or
 * when SMUDGE_TEST_MARKS gives another total, that share of it, rounded up.
 */
uint64_t loss_marks(uint64_t share, uint64_t total);

void loss_viewer_init(struct loss_viewer *viewer, struct loss *loss);
void loss_viewer_free(struct loss_viewer *viewer);

/* Before the take or harvest of a pass. */
void loss_viewer_begin(struct loss_viewer *viewer);

/* Copy the pages of one taken batch; may be called several times per pass. */
void loss_viewer_copy(struct loss_viewer *viewer,
		      const struct smudge_batch *batch);

/*
 * After the takes of a pass. Return: the number of pages that break (a) or
 * (b); ret_page receives one.
 */
uint64_t loss_viewer_end(struct loss_viewer *viewer, uint64_t *ret_page);

/* After loss_join and a last pass: pages whose last content is not copied. */
uint64_t loss_viewer_missing(struct loss_viewer *viewer, uint64_t *ret_page);

/*
 * After loss_join: writes that the copied contents contain. Each write adds
 * one, so these are loss->nwrites when nothing is missing.
 */
uint64_t loss_viewer_copied(const struct loss_viewer *viewer);

#endif
