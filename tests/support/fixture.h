/* SPDX-License-Identifier: MIT */
/*
 * What most tests of lib/memory begin with: a memory with one region of 4 KiB
 * pages over no real memory, an empty batch, and a client where one is wanted.
 */
#ifndef TESTS_SUPPORT_FIXTURE_H
#define TESTS_SUPPORT_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/client.h>
#include <smudge/memory.h>
#include <smudge/source.h>

#include "support.h"

#define FIXTURE_PAGES 100

struct fixture {
	struct smudge_memory *memory;
	struct smudge_region *region; /* at gpa 0 */
	struct smudge_client *client; /* NULL before fixture_watch() */
	struct smudge_batch *batch;
};

void fixture_open(struct fixture *f, uint64_t npages);
/* The client, the batch and the memory; all must go without a refusal. */
void fixture_close(struct fixture *f);

/* For cmocka: *@state is a watched fixture of FIXTURE_PAGES dirty pages. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* Open the client; all pages are dirty for it, or clean. */
void fixture_watch(struct fixture *f, bool is_clean);
/* Close it before the rest. */
void fixture_unwatch(struct fixture *f);
struct smudge_client *fixture_open_quiesced(struct fixture *f);
/* To the whole region. */
void fixture_attach(struct fixture *f, struct smudge_source *source);

/* Over the whole memory; none of them may fail. */
void fixture_harvest(struct fixture *f);
void fixture_harvest_quiesced(struct fixture *f);
void fixture_look(struct fixture *f);

/* smudge_client_take() of the fixture's client into its batch. */
int fixture_take(struct fixture *f, uint64_t first_page, uint64_t npages,
		 struct smudge_error *err);

#endif
