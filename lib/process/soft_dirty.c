/* SPDX-License-Identifier: MIT */
/*
 * The sources of the areas of a process that has soft-dirty bits.
 *
 * A source that starts has nothing armed: its pages count as written until the
 * first collect, so that starting many of them stops nothing.
 */
#include "process/soft_dirty.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/ksm.h"
#include "process/soft_collect.h"
#include "process/soft_kind.h"
#include "source/soft_dirty_bits.h"
#include "sys/guard.h"
#include "sys/options.h"
#include "sys/pagemap.h"

#define WHERE "soft_dirty"

/* A source's part. */
struct member {
	struct smi_soft_dirty *soft;
	struct smi_area *of;
	struct smi_soft_area area; /* in the list while it runs */
	uint64_t *reported;
};

int smi_soft_dirty_begin(struct smi_soft_dirty *soft, struct smudge_error *err)
{
	SMI_SYS_GUARD(&soft->lock);
	int ret = soft->areas ? smi_soft_collect(soft, err) : 0;

	soft->is_begun = true;
	soft->begun_code = ret;
	soft->beginner = pthread_self();
	return ret;
}

void smi_soft_dirty_end(struct smi_soft_dirty *soft)
{
	SMI_SYS_GUARD(&soft->lock);
	soft->is_begun = false;
}

void smi_soft_dirty_stats(struct smi_soft_dirty *soft,
			  struct smudge_process_stats *stats)
{
	SMI_SYS_GUARD(&soft->lock);
	stats->stops += soft->stops;
	stats->stopped_ns += soft->stopped_ns;
	if (soft->longest_stop_ns > stats->longest_stop_ns)
		stats->longest_stop_ns = soft->longest_stop_ns;
}

/* ---- sources ---------------------------------------------------------- */

/* A pagemap whose address space has no user any more has no content. */
static int check_alive(const struct smi_soft_dirty *soft,
		       struct smudge_error *err)
{
	uint64_t word;

	if (smi_sys_pagemap_words(soft->attachment->uffd.pagemap, 0, 1,
				  &word) == 0)
		return 0;
	return smudge_error_set(err, -ESRCH, WHERE,
				"the process has ended, or executes another "
				"program");
}

static void report(const struct member *m, struct smudge_sink *sink)
{
	unsigned int shift = (unsigned int)__builtin_ctzl(
		(unsigned long)sysconf(_SC_PAGESIZE));

	smudge_sink_bitmap(sink, 0, m->reported, 0, m->area.npages, shift);
}

static int member_harvest(void *opaque, struct smudge_sink *sink,
			  struct smudge_error *err)
{
	struct member *m = opaque;
	struct smi_soft_dirty *soft = m->soft;
	size_t bytes = smi_soft_area_nwords(&m->area) * sizeof(uint64_t);
	int ret = check_alive(soft, err);

	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&soft->lock);
	if (soft->is_begun && pthread_equal(soft->beginner, pthread_self()))
		ret = soft->begun_code;
	else
		ret = smi_soft_collect(soft, err);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"its bits could not be read and "
					"cleared");
	memcpy(m->reported, m->area.pending, bytes);
	memset(m->area.pending, 0, bytes);
	report(m, sink);
	return 0;
}

/* Nothing stands for it: what is written meanwhile keeps its bit. */
static int member_look(void *opaque, struct smudge_sink *sink,
		       struct smudge_error *err)
{
	struct member *m = opaque;
	struct smi_soft_dirty *soft = m->soft;
	int ret = check_alive(soft, err);

	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&soft->lock);
	memcpy(m->reported, m->area.pending,
	       smi_soft_area_nwords(&m->area) * sizeof(uint64_t));
	ret = smi_soft_area_read(&m->area, soft->attachment->uffd.pagemap,
				 soft->words, m->reported, true);
	if (smi_ksm_is_running())
		smi_soft_area_fill(&m->area, m->reported);
	report(m, sink);
	return ret;
}

void smi_soft_dirty_note_read(struct smi_area *area, uint64_t at,
			      uint64_t nbytes)
{
	struct smi_soft_dirty *soft = area->attachment->soft;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!nbytes)
		return;
	SMI_SYS_GUARD(&soft->lock);
	if (area->soft_area)
		smi_soft_area_was_read(area->soft_area, at / page_bytes,
				       (at + nbytes - 1) / page_bytes + 1);
}

static void free_bits(struct member *m)
{
	free(m->area.pending);
	free(m->area.own);
	free(m->reported);
	m->area.pending = m->area.own = m->reported = NULL;
}

/* Room for so many pages, all of them pending. */
static int make_bits(struct member *m, uint64_t npages,
		     struct smudge_error *err)
{
	size_t nwords;

	m->area.npages = npages;
	nwords = smi_soft_area_nwords(&m->area);
	m->area.pending = malloc(nwords * sizeof(uint64_t));
	m->area.own = calloc(nwords, sizeof(uint64_t));
	m->reported = malloc(nwords * sizeof(uint64_t));
	if (m->area.pending && m->area.own && m->reported) {
		smi_soft_area_fill(&m->area, m->area.pending);
		return 0;
	}
	free_bits(m);
	return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
}

static uint64_t host_pages(const struct smudge_source_range *range)
{
	return (range->npages << range->page_shift) /
	       (uint64_t)sysconf(_SC_PAGESIZE);
}

static int member_start(void *opaque, const struct smudge_source_range *range,
			struct smudge_error *err)
{
	struct member *m = opaque;
	int ret = make_bits(m, host_pages(range), err);

	if (ret < 0)
		return ret;
	m->area.first_page = range->gpa / (uint64_t)sysconf(_SC_PAGESIZE);
	m->area.kind = smi_soft_kind_of(m->soft->attachment->uffd.proc, m->of);
	/* Relaxed: others read a statistic. */
	atomic_store_explicit(&m->of->lost_code,
			      m->area.kind == SMI_SOFT_UNKNOWN ? -EOPNOTSUPP
							       : 0,
			      memory_order_relaxed);
	SMI_SYS_GUARD(&m->soft->lock);
	m->area.next = m->soft->areas;
	m->soft->areas = &m->area;
	m->of->soft_area = &m->area;
	return 0;
}

static void member_stop(void *opaque)
{
	struct member *m = opaque;
	struct smi_soft_area **link = &m->soft->areas;

	pthread_mutex_lock(&m->soft->lock);
	while (*link != &m->area)
		link = &(*link)->next;
	*link = m->area.next;
	m->of->soft_area = NULL;
	pthread_mutex_unlock(&m->soft->lock);
	free_bits(m);
}

/* Pages that stay keep their bits; new ones are pending. */
static int member_grow(void *opaque, const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	struct member *m = opaque;
	struct member old;
	int ret;

	/* From here: a collect of another region reads all areas. */
	SMI_SYS_GUARD(&m->soft->lock);
	old = *m;
	ret = make_bits(m, host_pages(range), err);
	if (ret < 0) {
		*m = old;
		return ret;
	}
	for (uint64_t i = 0; i < old.area.npages; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;

		if (!(old.area.pending[i / 64] & bit))
			m->area.pending[i / 64] &= ~bit;
		m->area.own[i / 64] |= old.area.own[i / 64] & bit;
	}
	free_bits(&old);
	return 0;
}

static void member_shrink(void *opaque, const struct smudge_source_range *range)
{
	struct member *m = opaque;

	SMI_SYS_GUARD(&m->soft->lock);
	m->area.npages = host_pages(range);
}

static const struct smudge_source_ops soft_ops = {
	.size = sizeof(soft_ops),
	.name = "soft_dirty",
	.start = member_start,
	.stop = member_stop,
	.harvest = member_harvest,
	.look = member_look,
	.destroy = free,
	.grow = member_grow,
	.shrink = member_shrink,
};

int smi_soft_dirty_source(struct smi_soft_dirty *soft, struct smi_area *area,
			  struct smudge_source **ret_source,
			  struct smudge_error *err)
{
	struct member *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	m->soft = soft;
	m->of = area;
	ret = smudge_source_create(&soft_ops, m, ret_source, err);
	if (ret < 0)
		free(m);
	return ret;
}

static int open_clear_refs(struct smi_soft_dirty *soft,
			   struct smudge_error *err)
{
	int ret;

	soft->clear_refs = openat(soft->attachment->uffd.proc, "clear_refs",
				  O_WRONLY | O_CLOEXEC);
	if (soft->clear_refs >= 0)
		return 0;
	ret = -errno;
	return smudge_error_set(err, ret == -EACCES ? -EPERM : ret, WHERE,
				"cannot open /proc/%d/clear_refs: %s",
				(int)soft->process->pid, strerror(-ret));
}

int smi_soft_dirty_make(struct smudge_process *process,
			struct smi_attachment *attachment,
			struct smudge_error *err)
{
	struct smi_soft_dirty *soft;
	int ret = smi_soft_dirty_probe(err);

	if (ret < 0)
		return ret;
	soft = calloc(1, sizeof(*soft));
	if (!soft)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	soft->process = process;
	soft->attachment = attachment;
	pthread_mutex_init(&soft->lock, NULL);
	soft->words = malloc(SMI_SOFT_WORDS * sizeof(uint64_t));
	ret = soft->words
		      ? open_clear_refs(soft, err)
		      : smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	if (ret < 0) {
		soft->clear_refs = -1;
		smi_soft_dirty_free(soft);
		return ret;
	}
	attachment->soft = soft;
	return 0;
}

void smi_soft_dirty_free(struct smi_soft_dirty *soft)
{
	if (!soft)
		return;
	if (soft->clear_refs >= 0)
		close(soft->clear_refs);
	pthread_mutex_destroy(&soft->lock);
	free(soft->words);
	free(soft);
}
