/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd as a source: asynchronous write-protection (WP_ASYNC) detects
 * stores, PAGEMAP_SCAN fetches what was detected.
 *
 * The kernel keeps one bit per page-table entry, and keeps it inverted: a set
 * bit means protected and clean. A store clears the bit and sends no message. A
 * page whose bit is lost, for whatever reason, is dirty. Only a harvest makes a
 * dirty page clean: it fetches and protects each page in one step. Hence there
 * is no re-arm, and no write can fall between two steps.
 *
 * A look is the same scan without the protection: it finds the same pages again
 * until a harvest has fetched them.
 *
 * A dropped page (MADV_DONTNEED) loses the bit in private anonymous memory
 * only. In all other memory the entry keeps the bit although the content is
 * gone, so each scan is followed by a search for dropped content (drops.h),
 * unless one walk before both finds nothing for either.
 *
 * A harvest that fails may have protected pages that it did not report. It
 * returns the error, and then the whole range is dirty for every client.
 *
 * Tracking belongs to this process's page tables. After fork(2) the parent's
 * memory is still tracked, the child's copy is not, and the child may only
 * destroy the source. A mapping that is replaced loses its registration, which
 * the next harvest reports as an error.
 *
 * The same scans track another process, a target (uffd_fds.h), which replaces
 * mappings as it likes: there the harvest registers what is new, and reports
 * all of it.
 */
#include <smudge/source.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "source/uffd.h"
#include "source/uffd_probe.h"
#include "source/uffd_replaced.h"
#include "sys/maps.h"

#define WHERE "uffd"

/*
 * What is asked about at once before it is scanned: large, as each costs calls,
 * and small, as one touched page makes it a part of the scan.
 */
#define PIECE_BYTES (UINT64_C(32) << 20)

static void report(struct smi_uffd *u, long n, struct smudge_sink *sink)
{
	for (long i = 0; i < n; i++)
		smudge_sink_range(sink, u->runs[i].start - u->start,
				  u->runs[i].end - u->runs[i].start);
	/* There are none in private anonymous memory. */
	for (long i = 0; u->drops.nranges && i < n; i++)
		smi_drops_written(&u->drops, u->runs[i].start, u->runs[i].end);
}

typedef long (*scan_fn)(int pagemap, uint64_t start, uint64_t end,
			struct smi_sys_page_run *runs, size_t max);

/* @before: what the last attempt returned, or 0. */
static long scan_once(struct smi_uffd *u, scan_fn call, uint64_t start,
		      uint64_t end, long before)
{
	bool is_held = before == -EPERM && smi_uffd_hold(&u->fds);
	long n = call(u->fds.pagemap, start, end, u->runs, SMI_UFFD_MAX_RUNS);

	if (is_held)
		smi_uffd_release();
	return n;
}

/*
 * Should a scan be tried again? After a signal; and after a mapping was not
 * registered, for another use may have been changing the registration: none
 * does in the next attempt.
 */
static bool is_disturbed(const struct smi_uffd *u, long n, long before,
			 int attempt)
{
	if (n == -EPERM)
		return before != -EPERM && !u->fds.target;
	return n == -EINTR && attempt < SMI_UFFD_MAX_ATTEMPTS;
}

/*
 * At most SMI_UFFD_MAX_RUNS runs of a window. A scan that protects and fails
 * may have protected pages without reporting them, so the window counts as
 * written before the next attempt; @sink is NULL for one that does not protect.
 */
static long scan(struct smi_uffd *u, scan_fn call, uint64_t start, uint64_t end,
		 struct smudge_sink *sink)
{
	long before = 0;

	for (int attempt = 0;; attempt++) {
		long n = scan_once(u, call, start, end, before);

		if (!is_disturbed(u, n, before, attempt))
			return n;
		before = n;
		if (!sink)
			continue;
		smudge_sink_range(sink, start - u->start, end - start);
		smi_drops_written(&u->drops, start, end);
	}
}

static int scan_failed(uint64_t start, uint64_t end, long code,
		       struct smudge_error *err)
{
	if (code == -EPERM)
		return smudge_error_set(err, -EPERM, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" was remapped while it was tracked",
					start, end);
	return smudge_error_set(err, (int)code, WHERE,
				"PAGEMAP_SCAN from 0x%" PRIx64 " to 0x%" PRIx64
				" fails: %s",
				start, end, strerror((int)-code));
}

static void report_all(const struct smi_uffd *u, struct smudge_sink *sink)
{
	smudge_sink_range(sink, 0, u->end - u->start);
}

/* Return: 0; 1: all of the range is reported and protected; or -errno. */
static int scan_window(struct smi_uffd *u, uint64_t start, uint64_t end,
		       struct smudge_sink *sink, struct smudge_error *err)
{
	while (start < end) {
		long n =
			scan(u, smi_sys_pagemap_take_written, start, end, sink);

		if (n == -EPERM && u->fds.target) {
			int ret = smi_uffd_replaced(u, start, end, sink, err);

			if (ret != 0)
				return ret;
			continue;
		}
		if (n < 0)
			return scan_failed(start, end, n, err);
		report(u, n, sink);
		if (n < SMI_UFFD_MAX_RUNS)
			return 0;
		start = u->runs[n - 1].end;
	}
	return 0;
}

/*
 * The end of what one scan covers: of a target, a part of one mapping. So a
 * scan that meets a mapping which is not registered has protected nothing of
 * another one. If it cannot be known, or changes meanwhile, more is reported.
 */
static uint64_t scan_end(const struct smi_uffd *u, uint64_t at)
{
	uint64_t end = smi_uffd_window_end(at, u->end);
	struct smi_sys_mapping m;

	if (!u->fds.target ||
	    smi_sys_maps_query(u->fds.target->maps, at, &m) < 0)
		return end;
	return min_u64(end, m.start > at ? m.start : m.end);
}

static int harvest_anew(struct smi_uffd *u, struct smudge_sink *sink,
			struct smudge_error *err)
{
	int ret = smi_uffd_restart(u, err);

	if (ret == 0)
		report_all(u, sink);
	return ret;
}

/* Return: as scan_window. */
static int harvest_touched(struct smi_uffd *u, uint64_t start, uint64_t end,
			   struct smudge_sink *sink, struct smudge_error *err)
{
	int ret = scan_window(u, start, end, sink, err);

	if (ret == 0)
		ret = smi_drops_report(&u->drops, start, end, sink, false, err);
	if (ret < 0)
		smi_drops_written(&u->drops, start, u->end);
	return ret;
}

static uint64_t piece_end(uint64_t at, uint64_t end)
{
	return min_u64(end, (at | (PIECE_BYTES - 1)) + 1);
}

/* Where the first piece begins that was not touched, or @end. */
static uint64_t touched_end(struct smi_uffd *u, uint64_t at, uint64_t end)
{
	while (at < end &&
	       !smi_drops_is_untouched(&u->drops, at, piece_end(at, end)))
		at = piece_end(at, end);
	return at;
}

typedef int (*part_fn)(struct smi_uffd *u, uint64_t start, uint64_t end,
		       struct smudge_sink *sink, struct smudge_error *err);

/*
 * Call @each for every part of pieces that may have been touched, until it does
 * not return 0. Return: what it returned last.
 */
static int each_touched(struct smi_uffd *u, uint64_t start, uint64_t end,
			part_fn each, struct smudge_sink *sink,
			struct smudge_error *err)
{
	int ret = 0;

	while (start < end && ret == 0) {
		uint64_t touched = touched_end(u, start, end);

		if (start < touched)
			ret = each(u, start, touched, sink, err);
		start = piece_end(touched, end);
	}
	return ret;
}

static int uffd_harvest(void *opaque, struct smudge_sink *sink,
			struct smudge_error *err)
{
	struct smi_uffd *u = opaque;
	int ret = smi_uffd_check(&u->fds, err);

	if (ret == 0 && smi_uffd_is_lost(u))
		return harvest_anew(u, sink, err);
	for (uint64_t at = u->start, end; at < u->end && ret == 0; at = end) {
		end = scan_end(u, at);
		ret = each_touched(u, at, end, harvest_touched, sink, err);
	}
	return ret < 0 ? ret : 0;
}

/*
 * Changes nothing: the next harvest finds the same pages, and the same mapping
 * that is not registered.
 */
static int look_written(struct smi_uffd *u, uint64_t start, uint64_t end,
			struct smudge_sink *sink, struct smudge_error *err)
{
	long n = SMI_UFFD_MAX_RUNS;

	while (start < end && n == SMI_UFFD_MAX_RUNS) {
		n = scan(u, smi_sys_pagemap_find_written, start, end, NULL);
		if (n == -EPERM && u->fds.target) {
			smudge_sink_range(sink, start - u->start, end - start);
			return 0;
		}
		if (n < 0)
			return scan_failed(start, end, n, err);
		for (long i = 0; i < n; i++) {
			start = u->runs[i].end;
			smudge_sink_range(sink, u->runs[i].start - u->start,
					  start - u->runs[i].start);
		}
	}
	return 0;
}

static int look_touched(struct smi_uffd *u, uint64_t start, uint64_t end,
			struct smudge_sink *sink, struct smudge_error *err)
{
	int ret = look_written(u, start, end, sink, err);

	return ret ? ret
		   : smi_drops_report(&u->drops, start, end, sink, true, err);
}

/* A scan without protection finds a page until a harvest has fetched it. */
static int uffd_look(void *opaque, struct smudge_sink *sink,
		     struct smudge_error *err)
{
	struct smi_uffd *u = opaque;
	int ret = smi_uffd_check(&u->fds, err);

	if (ret == 0 && smi_uffd_is_lost(u)) {
		report_all(u, sink);
		return 0;
	}
	for (uint64_t at = u->start, end; at < u->end && !ret; at = end) {
		end = scan_end(u, at);
		ret = each_touched(u, at, end, look_touched, sink, err);
	}
	return ret;
}

static int uffd_start(void *opaque, const struct smudge_source_range *range,
		      struct smudge_error *err)
{
	return smi_uffd_start(opaque, range, err);
}

static void uffd_stop(void *opaque)
{
	smi_uffd_stop(opaque);
}

static int uffd_grow(void *opaque, const struct smudge_source_range *range,
		     struct smudge_error *err)
{
	return smi_uffd_grow(opaque, range, err);
}

static void uffd_shrink(void *opaque, const struct smudge_source_range *range)
{
	smi_uffd_shrink(opaque, range);
}

static const struct smudge_source_ops uffd_ops = {
	.size = sizeof(uffd_ops),
	.name = "uffd",
	.start = uffd_start,
	.stop = uffd_stop,
	.harvest = uffd_harvest,
	.look = uffd_look,
	.destroy = free,
	.grow = uffd_grow,
	.shrink = uffd_shrink,
};

int smi_uffd_create_for(struct smi_uffd_target *target, _Atomic int *lost_code,
			struct smudge_source **ret_source,
			struct smudge_error *err)
{
	struct smi_uffd *u = calloc(1, sizeof(*u));
	int ret;

	if (!u)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	u->fds.target = target;
	u->lost_code = lost_code ? lost_code : &u->own_lost_code;
	u->fds.pagemap = -1;
	ret = smudge_source_create(&uffd_ops, u, ret_source, NULL);
	if (ret < 0) {
		smudge_error_set(err, ret, WHERE, "cannot make a source: %s",
				 strerror(-ret));
		free(u);
	}
	return ret;
}

int smi_uffd_try_register(struct smi_uffd_target *target, uint64_t start,
			  uint64_t end, struct smudge_error *err)
{
	struct smi_uffd_fds fds = {.target = target};
	int ret = smi_uffd_open(&fds, err);

	if (!ret)
		ret = smi_uffd_register(&fds, start, end, err);
	smi_uffd_close(&fds);
	return ret;
}

int smudge_uffd_create(struct smudge_source **ret_source,
		       struct smudge_error *err)
{
	int ret;

	smudge_error_clear(err);
	ret = smi_uffd_probe(err);
	return ret < 0 ? ret : smi_uffd_create_for(NULL, NULL, ret_source, err);
}
