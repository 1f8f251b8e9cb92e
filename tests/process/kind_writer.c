/* SPDX-License-Identifier: MIT */
/*
 * It numbers the pages of the memory that is tracked, one after the other, and
 * begins anew with the next number. So at one moment the pages hold a number up
 * to some page, and the number before from there on.
 */
#include <stdint.h>

#include "rig.h"

#define PAGE_BYTES 4096
#define PASSES	   100

static bool begin_writer(struct rig_worker *worker)
{
	worker->memory =
		(void *)(uintptr_t)(rig_shared->first_page * PAGE_BYTES);
	worker->number = *(volatile uint64_t *)worker->memory;
	return true;
}

static void round_writer(struct rig_worker *worker)
{
	for (unsigned int pass = 0; pass < PASSES; pass++) {
		volatile char *page = worker->memory;

		worker->number++;
		for (uint64_t i = 0; i < rig_shared->npages; i++)
			*(volatile uint64_t *)(page + i * PAGE_BYTES) =
				worker->number;
	}
}

const struct rig_kind rig_writer = {
	.name = "writer", .begin = begin_writer, .round = round_writer};
