/* SPDX-License-Identifier: MIT */
/*
 * A folder with a chain of layers, as several cases read it.
 */
#include <stdlib.h>

#include "bench_program.h"
#include "bench_progress.h"
#include "checkpoint.h"

static void save(struct smudge_checkpointer *checkpointer)
{
	struct smudge_error err = {0};
	uint64_t ticket;

	bench_must(smudge_checkpointer_save(checkpointer, NULL, &ticket, &err),
		   err.message);
	bench_must(smudge_checkpointer_wait(checkpointer, ticket, NULL, &err),
		   err.message);
}

void checkpoint_make_series(const struct checkpoint_series *c,
			    const char *folder, const char *flat)
{
	struct smudge_checkpointer_options options = {
		.size = sizeof(options), .folder = folder, .full_every = 1000};
	struct smudge_checkpointer *checkpointer;
	struct checkpoint_ram ram;
	struct smudge_error err = {0};

	checkpoint_ram_open(&ram, c->npages);
	c->fill(ram.bytes, c->npages, 3);
	bench_must(smudge_checkpointer_create(ram.memory, &options,
					      &checkpointer, &err),
		   err.message);
	for (uint64_t i = 0; i < c->nlayers && !bench_interrupted; i++) {
		uint64_t *pages = checkpoint_choose(c->ndirty, c->npages, i);

		bench_progress_sample((unsigned int)i,
				      (unsigned int)c->nlayers);
		for (uint64_t j = 0; i && j < c->ndirty; j++) {
			c->fill(ram.bytes + pages[j] * CHECKPOINT_PAGE, 1,
				i * c->ndirty + j);
			checkpoint_ram_written(&ram, pages[j], 1);
		}
		save(checkpointer);
		free(pages);
	}
	bench_must(smudge_checkpointer_destroy(checkpointer), "the end");
	if (flat)
		checkpoint_write_file(flat, ram.bytes,
				      c->npages * CHECKPOINT_PAGE);
	checkpoint_ram_close(&ram);
}
