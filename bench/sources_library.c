/* SPDX-License-Identifier: MIT */
/*
 * The calls of the library that a program makes, and the batch that it keeps.
 */
#include "sources_library.h"

#include <stdlib.h>

#include "bench_program.h"

/* Runs of one batch: as many as a take of the library's own callers has. */
#define BATCH_RUNS 65536

void sources_library_begin(struct sources_library *lib,
			   const struct sources_ram *ram)
{
	lib->ram = *ram;
	bench_must(smudge_memory_create(&lib->memory), "a memory");
	bench_must(smudge_batch_create(BATCH_RUNS, &lib->batch, NULL),
		   "a batch");
}

int sources_library_open(struct sources_library *lib,
			 const struct sources_ram *ram,
			 struct smudge_error *err)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = ram->bytes,
		.gpa = SOURCES_GPA,
		.size_bytes = ram->npages * SOURCES_PAGE,
	};
	int ret;

	sources_library_begin(lib, ram);
	ret = smudge_region_add(lib->memory, &options, &lib->region, err);
	if (ret == 0 && lib->source)
		ret = smudge_region_attach(lib->region, lib->source, 0, 0, err);
	return ret;
}

void sources_library_close(struct sources_library *lib)
{
	smudge_source_destroy(lib->source);
	smudge_batch_destroy(lib->batch);
	bench_must(smudge_memory_destroy(lib->memory, NULL), "a memory's end");
}

void sources_library_free(void *side)
{
	sources_library_close(side);
	free(side);
}

/* The client begins all dirty, so it takes everything once. */
void sources_library_arm(void *side)
{
	struct sources_library *lib = side;
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "bench"};
	struct smudge_error err = {0};
	int ret = smudge_client_open(lib->memory, &options, &lib->client, &err);

	bench_must(ret, err.message);
	sources_library_take(lib);
}

void sources_library_stop(void *side)
{
	struct sources_library *lib = side;

	bench_must(smudge_client_close(lib->client), "a client's end");
}

void sources_library_write(void *side, uint64_t npages, uint64_t stride)
{
	const struct sources_library *lib = side;

	sources_ram_write(&lib->ram, npages, stride);
}

void sources_library_harvest(void *side)
{
	struct sources_library *lib = side;
	struct smudge_error err = {0};

	bench_must(smudge_region_harvest(lib->region, &err), err.message);
}

uint64_t sources_library_found(void *side)
{
	struct sources_library *lib = side;

	return smudge_client_count(lib->client, lib->region, 0,
				   smudge_region_npages(lib->region));
}

void sources_library_take(void *side)
{
	struct sources_library *lib = side;
	struct smudge_run rest = {0, smudge_region_npages(lib->region)};
	struct smudge_error err = {0};
	int ret;

	while ((ret = smudge_client_take_next(lib->client, lib->region, &rest,
					      UINT64_MAX, lib->batch, &err)) >
	       0)
		smudge_client_commit(lib->client, lib->batch);
	bench_must(ret, err.message);
}

void *sources_library_new(struct smudge_source *source,
			  const struct sources_ram *ram,
			  struct smudge_error *err)
{
	struct sources_library *lib = sources_alloc(sizeof(*lib));

	lib->source = source;
	if (sources_library_open(lib, ram, err) == 0)
		return lib;
	sources_library_free(lib);
	return NULL;
}
