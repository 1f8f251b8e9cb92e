/* SPDX-License-Identifier: MIT */
/*
 * The ranges of a source that can lose content without a report, and the walk
 * over them in chunks. drops.h explains why; each kind of memory has its file.
 */
#include "source/drops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/drops_hugetlb.h"
#include "source/drops_private.h"
#include "source/drops_shared.h"
#include "sys/log.h"
#include "sys/maps.h"
#include "sys/uffd.h"

#define WHERE "uffd"

static uint64_t range_pages(const struct smi_drops *d,
			    const struct smi_drops_range *range)
{
	return (range->end - range->start) >> d->page_shift;
}

static int add_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	struct smi_drops *d = opaque;
	struct smi_drops_range *last =
		d->ranges ? &d->ranges[d->nranges - 1] : NULL;
	struct smi_drops_range *grown;

	if (!m->is_shared && !m->has_file)
		return 0;
	if (d->target && m->is_shared) {
		int ret = smi_drops_resident_add(&d->resident, d->target->proc,
						 m);

		if (ret < 0)
			return ret;
	}
	if (last && last->end == m->start && last->is_shared == m->is_shared) {
		last->end = m->end;
		return 0;
	}
	grown = realloc(d->ranges, (d->nranges + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[d->nranges++] = (struct smi_drops_range){
		.start = m->start,
		.end = m->end,
		.is_shared = m->is_shared,
	};
	d->ranges = grown;
	return 0;
}

/*
 * What shared memory had before is unknown. So all of it counts as content
 * until smi_drops_armed checks it.
 */
static int make_bits(const struct smi_drops *d, struct smi_drops_range *range)
{
	size_t nwords = (range_pages(d, range) + 63) / 64;

	if (!range->is_shared) {
		range->own = calloc(nwords, sizeof(uint64_t));
		return range->own ? 0 : -ENOMEM;
	}
	range->mapped = calloc(nwords, sizeof(uint64_t));
	range->content = malloc(nwords * sizeof(uint64_t));
	if (!range->mapped || !range->content)
		return -ENOMEM;
	memset(range->content, 0xff, nwords * sizeof(uint64_t));
	return 0;
}

typedef int (*chunk_fn)(const struct smi_drops_chunk *chunk);

/* Call @each for every chunk between two addresses in the chunk's range. */
static int walk(struct smi_drops_chunk *chunk, uint64_t start, uint64_t end,
		chunk_fn each)
{
	const struct smi_drops *d = chunk->drops;
	uint64_t at =
		((start - chunk->range->start) >> d->page_shift) / 64 * 64;
	uint64_t last = (end - chunk->range->start) >> d->page_shift;
	uint64_t limit = range_pages(d, chunk->range);
	int ret = 0;

	last = (last + 63) / 64 * 64;
	if (last > limit)
		last = limit;
	while (!ret && at < last) {
		chunk->first_page = at;
		chunk->npages = last - at;
		if (chunk->npages > SMI_DROPS_CHUNK_PAGES)
			chunk->npages = SMI_DROPS_CHUNK_PAGES;
		ret = each(chunk);
		at += chunk->npages;
	}
	return ret;
}

static int learn_before(const struct smi_drops_chunk *chunk)
{
	return smi_drops_learn_private(chunk, true);
}

static int learn_after(const struct smi_drops_chunk *chunk)
{
	return smi_drops_learn_private(chunk, false);
}

static int learn(struct smi_drops *d, chunk_fn private_fn, chunk_fn shared_fn,
		 struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < d->nranges; i++) {
		struct smi_drops_range *range = &d->ranges[i];
		struct smi_drops_chunk chunk = {.drops = d, .range = range};
		chunk_fn each = range->is_shared ? shared_fn : private_fn;

		if (each)
			ret = walk(&chunk, range->start, range->end, each);
	}
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "cannot find out what the memory holds: %s",
				 strerror(-ret));
	return ret;
}

static int kinds_unknown(const struct smi_drops *d, int code,
			 struct smudge_error *err)
{
	return smudge_error_set(err, code == -EACCES ? -EPERM : code, WHERE,
				"cannot learn the kinds of memory from "
				"/proc/%s/maps: %s",
				d->target ? "PID" : "self",
				strerror(code == -EACCES ? EPERM : -code));
}

/* Is what @m was found to be still what it is? */
static int check_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	const struct smi_drops *d = opaque;
	size_t i = smi_drops_first_range(d, m->start);

	if (!m->is_shared && !m->has_file)
		return 0;
	return i < d->nranges && d->ranges[i].start <= m->start &&
			       m->end <= d->ranges[i].end &&
			       d->ranges[i].is_shared == m->is_shared
		       ? 0
		       : -EAGAIN;
}

/*
 * A target may have replaced a mapping before smi_sys_uffd_is_hugetlb
 * registered it, and no scan would tell. What comes from now on is not
 * registered.
 */
static int check_kinds(struct smi_drops *d, uint64_t start, uint64_t end,
		       struct smudge_error *err)
{
	int ret = smi_sys_maps_each_of(d->target->proc, start, end,
				       check_mapping, d);

	if (ret == -EAGAIN)
		return smudge_error_set(err, ret, WHERE,
					"mappings were replaced while they "
					"were registered");
	return ret < 0 ? kinds_unknown(d, ret, err) : 0;
}

static int prepare_range(const struct smi_drops *d, int uffd,
			 struct smi_drops_range *range,
			 struct smudge_error *err)
{
	int ret = smi_sys_uffd_is_hugetlb(uffd, range->start,
					  range->end - range->start);

	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot find out whether memory is of "
					"hugetlbfs: %s",
					strerror(-ret));
	range->is_hugetlb = ret;
	ret = make_bits(d, range);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE, "out of memory");
	return ret;
}

static int find_ranges(struct smi_drops *d, const struct smi_uffd_fds *fds,
		       uint64_t start, uint64_t end, struct smudge_error *err)
{
	int ret = fds->target ? smi_sys_maps_each_of(fds->target->proc, start,
						     end, add_mapping, d)
			      : smi_sys_maps_each(start, end, add_mapping, d);

	if (ret < 0)
		return kinds_unknown(d, ret, err);
	if (d->nranges)
		d->scratch = malloc(sizeof(*d->scratch));
	if (d->nranges && !d->scratch)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	for (size_t i = 0; !ret && i < d->nranges; i++)
		ret = prepare_range(d, fds->uffd, &d->ranges[i], err);
	if (!ret && d->nranges && d->target)
		ret = check_kinds(d, start, end, err);
	return ret;
}

static void tell_if_unsure(const struct smi_drops *d)
{
	for (size_t i = 0; i < d->nranges && !d->marker.is_seen; i++) {
		if (d->ranges[i].is_shared)
			continue;
		SMI_SYS_LOG(SMUDGE_LOG_INFO, WHERE,
			    "without CAP_SYS_ADMIN a dropped page looks like "
			    "one in swap: copies of private files' pages are "
			    "reported while they are not mapped");
		return;
	}
}

int smi_drops_start(struct smi_drops *d, const struct smi_uffd_fds *fds,
		    uint64_t start, uint64_t end, struct smudge_error *err)
{
	int ret;

	*d = (struct smi_drops){
		.base = start,
		.pagemap = fds->pagemap,
		.target = fds->target,
		.page_shift = (unsigned int)__builtin_ctzl(
			(unsigned long)sysconf(_SC_PAGESIZE)),
	};
	ret = find_ranges(d, fds, start, end, err);
	if (ret < 0 || !d->nranges)
		return ret;
	/* The range has no markers yet: a page that is swapped is in swap. */
	ret = learn(d, learn_before, NULL, err);
	if (ret < 0)
		return ret;
	/* of a page of this process, also if the source is of a target */
	d->marker = smi_sys_marker_learn(d->target ? d->target->own_pagemap
						   : d->pagemap);
	tell_if_unsure(d);
	return 0;
}

int smi_drops_armed(struct smi_drops *d, struct smudge_error *err)
{
	return learn(d, learn_after, smi_drops_check_shared, err);
}

static void free_bits(struct smi_drops_range *range)
{
	free(range->own);
	free(range->mapped);
	free(range->content);
}

void smi_drops_stop(struct smi_drops *d)
{
	for (size_t i = 0; i < d->nranges; i++)
		free_bits(&d->ranges[i]);
	smi_drops_resident_free(&d->resident);
	free(d->ranges);
	free(d->scratch);
	*d = (struct smi_drops){0};
}

int smi_drops_append(struct smi_drops *d, struct smi_drops *more)
{
	struct smi_drops_range *ranges = d->ranges;

	if (!more->nranges)
		return 0;
	if (smi_drops_resident_append(&d->resident, &more->resident) < 0)
		return -ENOMEM;
	ranges =
		realloc(ranges, (d->nranges + more->nranges) * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	memcpy(ranges + d->nranges, more->ranges,
	       more->nranges * sizeof(*ranges));
	if (!d->scratch) {
		d->scratch = more->scratch;
		d->marker = more->marker;
		more->scratch = NULL;
	}
	d->ranges = ranges;
	d->nranges += more->nranges;
	more->nranges = 0; /* their bits are d's */
	smi_drops_stop(more);
	return 0;
}

void smi_drops_cut(struct smi_drops *d, uint64_t end)
{
	while (d->nranges && d->ranges[d->nranges - 1].start >= end)
		free_bits(&d->ranges[--d->nranges]);
	if (d->nranges && d->ranges[d->nranges - 1].end > end)
		d->ranges[d->nranges - 1].end = end;
}

bool smi_drops_is_untouched(struct smi_drops *d, uint64_t start, uint64_t end)
{
	size_t i = smi_drops_first_range(d, start);
	struct smi_drops_range *range = i < d->nranges ? &d->ranges[i] : NULL;

	return range && range->start <= start && end <= range->end &&
	       range->is_shared && !range->is_hugetlb &&
	       smi_drops_untouched_shared(d, range, start, end);
}

bool smi_drops_has(const struct smi_drops *d, uint64_t start, uint64_t end)
{
	size_t i = smi_drops_first_range(d, start);

	return i < d->nranges && d->ranges[i].start < end;
}

void smi_drops_written(struct smi_drops *d, uint64_t start, uint64_t end)
{
	for (size_t i = smi_drops_first_range(d, start); i < d->nranges; i++) {
		struct smi_drops_range *range = &d->ranges[i];
		uint64_t from = start > range->start ? start : range->start;
		uint64_t to = end < range->end ? end : range->end;

		if (from >= to)
			break;
		from = (from - range->start) >> d->page_shift;
		to = (to - range->start) >> d->page_shift;
		smi_drops_set(range->is_shared ? range->content : range->own,
			      from, to);
	}
}

static int report_range(struct smi_drops_chunk *chunk, uint64_t start,
			uint64_t end)
{
	const struct smi_drops_range *range = chunk->range;
	int ret = walk(chunk, start, end,
		       range->is_shared ? smi_drops_check_shared
					: smi_drops_check_private);

	if (!ret && range->is_hugetlb)
		ret = walk(chunk, start, end, smi_drops_check_hugetlb);
	return ret;
}

int smi_drops_report(struct smi_drops *d, uint64_t start, uint64_t end,
		     struct smudge_sink *sink, bool is_look,
		     struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = smi_drops_first_range(d, start); !ret && i < d->nranges;
	     i++) {
		struct smi_drops_range *range = &d->ranges[i];
		uint64_t from = start > range->start ? start : range->start;
		uint64_t to = end < range->end ? end : range->end;
		struct smi_drops_chunk chunk = {.drops = d,
						.range = range,
						.sink = sink,
						.is_look = is_look};

		if (from >= to)
			break;
		ret = report_range(&chunk, from, to);
	}
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "cannot find out what was dropped: %s",
				 strerror(-ret));
	return ret;
}
