/* SPDX-License-Identifier: MIT */
/*
 * The cost of first writes, tried on memory of this process.
 */
#include "rate/fault_cost.h"

#include <smudge/smudge.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"

#define NPAGES	256
#define NPASSES 9

struct trial {
	volatile unsigned char *bytes; /* of NPAGES pages */
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_source *source;
	struct smudge_client *client;
};

/* This thread, the only one, is the writer, and it does not write now. */
static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void resume(void *opaque)
{
}

static int make_source(struct trial *trial, enum rate_method method)
{
	const struct smudge_soft_dirty_options options = {
		.size = sizeof(options), .quiesce = quiesce, .resume = resume};

	if (method == RATE_UFFD)
		return smudge_uffd_create(&trial->source, NULL);
	return smudge_soft_dirty_create(&options, &trial->source, NULL);
}

static int set_up(struct trial *trial, enum rate_method method)
{
	struct smudge_region_options region = {
		.size = sizeof(region),
		.name = "trial",
		.hva = (void *)trial->bytes,
		.size_bytes = NPAGES * RATE_PAGE_BYTES,
	};
	struct smudge_client_options client = {.size = sizeof(client),
					       .name = "trial"};
	int ret = smudge_memory_create(&trial->memory);

	if (!ret)
		ret = smudge_region_add(trial->memory, &region, &trial->region,
					NULL);
	if (!ret)
		ret = make_source(trial, method);
	if (!ret)
		ret = smudge_region_attach(trial->region, trial->source, 0,
					   NPAGES, NULL);
	if (!ret)
		ret = smudge_client_open(trial->memory, &client, &trial->client,
					 NULL);
	return ret;
}

static void tear_down(struct trial *trial)
{
	if (trial->client)
		(void)smudge_client_close(trial->client);
	(void)smudge_memory_destroy(trial->memory, NULL);
	if (trial->source)
		smudge_source_destroy(trial->source);
	munmap((void *)trial->bytes, NPAGES * RATE_PAGE_BYTES);
}

/* Write each page once. Return: the time of one. */
static double write_all(const struct trial *trial)
{
	int64_t began_ns = clock_now_ns();

	for (size_t page = 0; page < NPAGES; page++)
		trial->bytes[page * RATE_PAGE_BYTES]++;
	return (double)(clock_now_ns() - began_ns) / NPAGES;
}

static int by_size(const void *a, const void *b)
{
	double one = *(const double *)a;
	double two = *(const double *)b;

	return one < two ? -1 : one > two;
}

static double try_passes(const struct trial *trial)
{
	double costs_ns[NPASSES];

	for (int pass = 0; pass < NPASSES; pass++) {
		double armed_ns;

		if (smudge_memory_harvest(trial->memory, NULL) ||
		    smudge_client_skip(trial->client, trial->region, 0, NPAGES,
				       NULL))
			return 0;
		armed_ns = write_all(trial);
		costs_ns[pass] = armed_ns - write_all(trial);
	}
	qsort(costs_ns, NPASSES, sizeof(costs_ns[0]), by_size);
	return costs_ns[NPASSES / 2] > 0 ? costs_ns[NPASSES / 2] : 0;
}

static double try_method(enum rate_method method)
{
	struct trial trial = {0};
	double cost_ns = 0;
	void *bytes =
		mmap(NULL, NPAGES * RATE_PAGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (bytes == MAP_FAILED)
		return 0;
	trial.bytes = bytes;
	if (set_up(&trial, method) == 0)
		cost_ns = try_passes(&trial);
	tear_down(&trial);
	return cost_ns;
}

double rate_fault_cost_ns(enum rate_method method)
{
	static double costs_ns[RATE_NOT_MEASURED];
	static bool is_tried[RATE_NOT_MEASURED];

	if (!is_tried[method])
		costs_ns[method] = try_method(method);
	is_tried[method] = true;
	return costs_ns[method];
}
