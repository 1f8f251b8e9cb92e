/* SPDX-License-Identifier: MIT */
/*
 * By the process's page table for private anonymous memory, by its file for
 * shared memory; of a private mapping of a file nothing reads as zeros.
 */
#include "process/populated.h"

#include <unistd.h>

#include "common/range.h"
#include "sys/guard.h"
#include "sys/marker.h"
#include "sys/pagemap.h"

void smi_process_populated_open(struct smi_attachment *attachment)
{
	pthread_mutex_init(&attachment->populated.lock, NULL);
}

void smi_process_populated_close(struct smi_attachment *attachment)
{
	struct smi_process_populated *p = &attachment->populated;

	if (p->is_begun)
		smi_sys_content_close(&p->content);
	pthread_mutex_destroy(&p->lock);
}

void smi_process_populated_forget(struct smi_attachment *attachment)
{
	struct smi_process_populated *p = &attachment->populated;

	SMI_SYS_GUARD(&p->lock);
	if (p->is_begun)
		smi_sys_content_close(&p->content);
}

/* How a marker shows is found out with a page of our own. */
static void begin(struct smi_attachment *a)
{
	struct smi_process_populated *p = &a->populated;

	if (p->is_begun)
		return;
	p->is_begun = true;
	p->held = (struct smi_sys_held){.pagemap = a->uffd.pagemap,
					.knows_marker = true};
	if (a->uffd.own_pagemap >= 0)
		p->held.marker = smi_sys_marker_learn(a->uffd.own_pagemap);
	smi_sys_content_open_of(&p->content, a->uffd.proc);
}

/* Its page table is empty then, and what is read fails. */
static bool is_gone(const struct smi_attachment *a)
{
	uint64_t word;

	return smi_sys_pagemap_words(a->uffd.pagemap, 0, 1, &word) < 0;
}

static struct smi_sys_mapping mapping_of(const struct smi_area *area)
{
	return (struct smi_sys_mapping){
		.start = area->start,
		.end = area->end,
		.file_off = area->object.file_off,
		.inode = area->object.inode,
		.dev_major = area->object.dev_major,
		.dev_minor = area->object.dev_minor,
		.is_shared = area->object.is_shared,
		.has_file = area->object.has_file,
	};
}

/* Return: false: there is none. */
static bool next_of_file(struct smi_process_populated *p,
			 const struct smi_area *area,
			 struct smi_sys_page_run *run)
{
	struct smi_sys_mapping m = mapping_of(area);

	if (smi_sys_content_find(&p->content, &m) != SMI_SYS_CONTENT_SOUGHT)
		return true;
	return smi_sys_content_next(&p->content, &m, run->start, run->end, run);
}

/* @run is cut to the first that holds something. */
static bool next(struct smi_area *area, struct smi_sys_page_run *run)
{
	struct smi_attachment *a = area->attachment;
	struct smi_sys_page_run found;

	/* A userfaultfd of its own may have pages to bring, unless it is ours
	   that is registered. Relaxed: it may change at any harvest. */
	if (a->soft ||
	    atomic_load_explicit(&area->lost_code, memory_order_relaxed))
		return true;
	if (area->object.has_file && !area->object.is_shared)
		return true;
	SMI_SYS_GUARD(&a->populated.lock);
	begin(a);
	if (area->object.has_file)
		return next_of_file(&a->populated, area, run);
	if (!smi_sys_held_next(&a->populated.held, run->start, run->end,
			       &found))
		return is_gone(a);
	*run = found;
	return true;
}

int smi_area_next_populated(void *opaque, uint64_t *first_page,
			    uint64_t *end_page)
{
	struct smi_area *area = opaque;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t end = area->start + *end_page * page_bytes;
	struct smi_sys_page_run run = {
		.start = area->start + *first_page * page_bytes, .end = end};

	if (!next(area, &run))
		return 0;
	*first_page = (run.start - area->start) / page_bytes;
	*end_page = (min_u64(run.end, end) - area->start) / page_bytes;
	return 1;
}
