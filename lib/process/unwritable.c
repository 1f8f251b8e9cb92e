/* SPDX-License-Identifier: MIT */
/*
 * Looking for anonymous pages, by PAGEMAP_SCAN or, before Linux 6.7, by the
 * words of pagemap. Then a mapping that is larger than 1 GiB is not looked
 * through but taken for one without such pages, at 6 ms per GiB and harvest.
 */
#include "process/unwritable.h"

#include <unistd.h>

#include "common/range.h"
#include "common/text.h"
#include "process/object.h"
#include "process/tracked.h"
#include "sys/pagemap.h"

#define RUNS		64
#define WORDS		512
#define MAX_WORDS_BYTES (UINT64_C(1) << 30)

/* From the first to the last anonymous page in a range; start = end: none. */
struct hull {
	uint64_t start, end;
};

static void add_run(struct hull *hull, uint64_t start, uint64_t end)
{
	if (hull->start == hull->end)
		hull->start = start;
	hull->end = end;
}

/* Return: 0 or -errno. */
static int scan(int pagemap, uint64_t start, uint64_t end, struct hull *hull)
{
	struct smi_sys_page_run runs[RUNS];
	long n = RUNS;

	while (start < end && n == RUNS) {
		n = smi_sys_pagemap_find_anonymous(pagemap, start, end, runs,
						   RUNS);
		if (n < 0)
			return (int)n;
		if (n)
			add_run(hull, runs[0].start, runs[n - 1].end);
		if (n)
			start = runs[n - 1].end;
	}
	return 0;
}

static bool is_anonymous(uint64_t word)
{
	return word & SMI_SYS_PAGEMAP_SWAPPED ||
	       (word & SMI_SYS_PAGEMAP_PRESENT &&
		!(word & SMI_SYS_PAGEMAP_FILE));
}

static void read_words(int pagemap, uint64_t start, uint64_t end,
		       struct hull *hull)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t words[WORDS];

	while (start < end) {
		uint64_t n = min_u64((end - start) / page_bytes, WORDS);

		if (smi_sys_pagemap_words(pagemap, start / page_bytes, n,
					  words) < 0)
			return;
		for (uint64_t i = 0; i < n; i++)
			if (is_anonymous(words[i]))
				add_run(hull, start + i * page_bytes,
					start + (i + 1) * page_bytes);
		start += n * page_bytes;
	}
}

static struct hull find_anonymous(int pagemap, uint64_t start, uint64_t end)
{
	struct hull hull = {start, start};

	if (scan(pagemap, start, end, &hull) < 0 &&
	    end - start <= MAX_WORDS_BYTES)
		read_words(pagemap, start, end, &hull);
	return hull;
}

/* The area of this very mapping that comes first, from @at on; or NULL. */
static const struct smi_area *tracked_from(const struct smudge_process *process,
					   const struct smi_process_mapping *m,
					   uint64_t at)
{
	const struct smi_area *area = smi_area_after(process, at);
	struct smi_object object = smi_object_of(m);

	if (!area || area->start >= m->end)
		return NULL;
	at = max_u64(at, area->start);
	if (m->has_file)
		object.file_off += at - m->start;
	return smi_is_tracked(process, at, &object, m->name) ? area : NULL;
}

/* Pages of the kernel's that it does not count as a file's. */
static bool is_kernels(const struct smi_process_mapping *m)
{
	return !m->has_file && (text_begins(m->name, "[v") ||
				text_begins(m->name, "[uprobes]"));
}

static struct hull find_hull(const struct smudge_process *process,
			     const struct smi_process_mapping *m)
{
	struct hull hull = {m->start, m->start};
	uint64_t at = m->start;

	while (at < m->end) {
		const struct smi_area *area = tracked_from(process, m, at);
		uint64_t until = area ? max_u64(area->start, at) : m->end;
		struct hull own = find_anonymous(
			process->attachment->uffd.pagemap, at, until);

		if (own.start < own.end)
			add_run(&hull, own.start, own.end);
		if (!area)
			break;
		at = min_u64(area->end, m->end);
		add_run(&hull, until, at);
	}
	return hull;
}

bool smi_unwritable_cut(const struct smudge_process *process,
			struct smi_process_mapping *m)
{
	struct hull hull;

	if (is_kernels(m))
		return false;
	hull = find_hull(process, m);
	if (hull.start == hull.end)
		return false;
	if (m->has_file)
		m->file_off += hull.start - m->start;
	m->start = hull.start;
	m->end = hull.end;
	return true;
}
