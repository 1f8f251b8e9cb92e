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
 * gone, so each scan is followed by a search for dropped content (drops.h).
 *
 * A harvest that fails may have protected pages that it did not report. It
 * returns the error, and then the whole range is dirty for every client.
 *
 * Tracking belongs to this process's page tables. After fork(2) the parent's
 * memory is still tracked, the child's copy is not, and the child may only
 * destroy the source. A mapping that is replaced loses its registration, which
 * the next harvest reports as an error.
 */
#include <smudge/source.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/drops.h"
#include "source/uffd_probe.h"
#include "sys/pagemap.h"
#include "sys/uffd.h"

#define WHERE "uffd"

/*
 * Calls are made for windows that end at multiples of 1 GiB, so that no huge
 * page crosses one (a page of hugetlbfs cannot be protected in part). A window
 * is bounded because the kernel holds the address space's lock for it, and
 * because every 512 runs of a scan invalidate KVM's page tables for the rest of
 * it. A scan of 1 GiB takes 0.4 ms, its first protection 8 ms.
 */
#define WINDOW_BYTES (UINT64_C(1) << 30)

/* Runs fetched by one call; the kernel copies out 512 at a time. */
#define MAX_RUNS 2048

/* Attempts at a call that a signal or a fork of another thread disturbs. */
#define MAX_ATTEMPTS 1000

struct uffd {
	struct smi_uffd_fds fds; /* open between start and stop */
	uint64_t start;		 /* addresses, end exclusive */
	uint64_t end;
	struct smi_sys_page_run *runs; /* MAX_RUNS, between start and stop */
	struct smi_drops drops;	       /* between start and stop */
};

static uint64_t window_end(const struct uffd *u, uint64_t from)
{
	uint64_t end = (from | (WINDOW_BYTES - 1)) + 1;

	return end && end < u->end ? end : u->end;
}

/* Protecting twice is harmless, so a disturbed call is repeated. */
static int protect_window(const struct uffd *u, uint64_t start, uint64_t end)
{
	int ret = -EAGAIN;

	for (int i = 0; i < MAX_ATTEMPTS; i++) {
		ret = smi_sys_uffd_protect(u->fds.use.fd, start, end - start);
		if (ret != -EAGAIN && ret != -EINTR)
			break;
	}
	return ret;
}

static int protect_all(const struct uffd *u, struct smudge_error *err)
{
	for (uint64_t at = u->start; at < u->end; at = window_end(u, at)) {
		int ret = protect_window(u, at, window_end(u, at));

		if (ret < 0)
			return smudge_error_set(
				err, ret, WHERE,
				"cannot write-protect memory at 0x%" PRIx64
				": %s",
				at, strerror(-ret));
	}
	return 0;
}

static int register_range(struct uffd *u, struct smudge_error *err)
{
	uint64_t length = u->end - u->start;
	int ret;

	/* Registering skips holes. This call only finds them. */
	if (msync((void *)(uintptr_t)u->start, length, MS_ASYNC) < 0) {
		ret = -errno;
		return smudge_error_set(err, ret, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is not mapped throughout",
					u->start, u->end);
	}
	return smi_sys_uffd_use_register(&u->fds.use, u->start, u->end, err);
}

static int set_range(struct uffd *u, const struct smudge_source_range *range,
		     struct smudge_error *err)
{
	uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t start = (uintptr_t)range->hva;
	uint64_t end = start + (range->npages << range->page_shift);

	uint64_t edge = start & page_mask ? start : end;

	if (end <= start)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"memory from 0x%" PRIx64 " ends beyond 2^64", start);
	if (edge & page_mask)
		return smudge_error_set(err, -EINVAL, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" divides a page of the host at "
					"0x%" PRIx64,
					start, end, edge);
	u->start = start;
	u->end = end;
	return 0;
}

/* Closing the use drops its registration. */
static void release(struct uffd *u)
{
	smi_drops_stop(&u->drops);
	smi_uffd_close(&u->fds);
	free(u->runs);
	u->runs = NULL;
}

static int uffd_start(void *opaque, const struct smudge_source_range *range,
		      struct smudge_error *err)
{
	struct uffd *u = opaque;
	int ret = set_range(u, range, err);

	if (ret < 0)
		return ret;
	ret = smi_uffd_open(&u->fds, err);
	if (ret < 0)
		return ret;
	u->runs = calloc(MAX_RUNS, sizeof(*u->runs));
	if (!u->runs)
		ret = smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	if (!ret)
		ret = register_range(u, err);
	if (!ret)
		ret = smi_drops_start(&u->drops, u->fds.use.fd, u->fds.pagemap,
				      u->start, u->end, err);
	if (!ret)
		ret = protect_all(u, err);
	if (!ret)
		ret = smi_drops_armed(&u->drops, err);
	if (ret < 0)
		release(u);
	return ret;
}

static void uffd_stop(void *opaque)
{
	release(opaque);
}

static void report(struct uffd *u, long n, struct smudge_sink *sink)
{
	for (long i = 0; i < n; i++) {
		const struct smi_sys_page_run *run = &u->runs[i];

		smudge_sink_range(sink, run->start - u->start,
				  run->end - run->start);
		smi_drops_written(&u->drops, run->start, run->end);
	}
}

/*
 * Should a scan be tried again? After a signal; and once after a mapping was
 * not registered, for another use may have been changing the registration.
 */
static bool is_disturbed(const struct uffd *u, long n, int attempt)
{
	if (n == -EPERM && attempt == 0) {
		smi_sys_uffd_use_settle(&u->fds.use);
		return true;
	}
	return n == -EINTR && attempt < MAX_ATTEMPTS;
}

/*
 * Fetch at most MAX_RUNS runs of a window. A scan that fails may have protected
 * pages without reporting them, so the window counts as written before the next
 * attempt.
 */
static long take_runs(struct uffd *u, uint64_t start, uint64_t end,
		      struct smudge_sink *sink)
{
	for (int attempt = 0;; attempt++) {
		long n = smi_sys_pagemap_take_written(u->fds.pagemap, start,
						      end, u->runs, MAX_RUNS);

		if (!is_disturbed(u, n, attempt))
			return n;
		smudge_sink_range(sink, start - u->start, end - start);
		smi_drops_written(&u->drops, start, end);
	}
}

static long find_runs(struct uffd *u, uint64_t start, uint64_t end)
{
	int attempt = 0;
	long n;

	do {
		n = smi_sys_pagemap_find_written(u->fds.pagemap, start, end,
						 u->runs, MAX_RUNS);
	} while (is_disturbed(u, n, attempt++));
	return n;
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

static int scan_window(struct uffd *u, uint64_t start, uint64_t end,
		       struct smudge_sink *sink, struct smudge_error *err)
{
	while (start < end) {
		long n = take_runs(u, start, end, sink);

		if (n < 0)
			return scan_failed(start, end, n, err);
		report(u, n, sink);
		if (n < MAX_RUNS)
			return 0;
		start = u->runs[n - 1].end;
	}
	return 0;
}

/* A child's scan would take from the parent what the parent has to report. */
static int check_alive(const struct uffd *u, struct smudge_error *err)
{
	if (smi_sys_uffd_use_is_alive(&u->fds.use))
		return 0;
	return smudge_error_set(
		err, -EPERM, WHERE,
		"it was started before fork(2), by the parent process");
}

static int uffd_harvest(void *opaque, struct smudge_sink *sink,
			struct smudge_error *err)
{
	struct uffd *u = opaque;
	int ret = check_alive(u, err);

	if (ret < 0)
		return ret;
	for (uint64_t at = u->start; at < u->end; at = window_end(u, at)) {
		uint64_t end = window_end(u, at);

		ret = scan_window(u, at, end, sink, err);
		if (!ret)
			ret = smi_drops_report(&u->drops, at, end, sink, false,
					       err);
		if (ret < 0) {
			smi_drops_written(&u->drops, at, u->end);
			return ret;
		}
	}
	return 0;
}

/* Changes nothing: the next harvest finds the same pages. */
static int look_window(struct uffd *u, uint64_t start, uint64_t end,
		       struct smudge_sink *sink, struct smudge_error *err)
{
	long n = MAX_RUNS;

	while (start < end && n == MAX_RUNS) {
		n = find_runs(u, start, end);
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

/* A scan without protection finds a page until a harvest has fetched it. */
static int uffd_look(void *opaque, struct smudge_sink *sink,
		     struct smudge_error *err)
{
	struct uffd *u = opaque;
	int ret = check_alive(u, err);

	for (uint64_t at = u->start; at < u->end && !ret;
	     at = window_end(u, at)) {
		uint64_t end = window_end(u, at);

		ret = look_window(u, at, end, sink, err);
		if (!ret)
			ret = smi_drops_report(&u->drops, at, end, sink, true,
					       err);
	}
	return ret;
}

static const struct smudge_source_ops uffd_ops = {
	.size = sizeof(uffd_ops),
	.name = "uffd",
	.start = uffd_start,
	.stop = uffd_stop,
	.harvest = uffd_harvest,
	.look = uffd_look,
	.destroy = free,
};

int smudge_uffd_create(struct smudge_source **ret_source,
		       struct smudge_error *err)
{
	struct uffd *u;
	int ret;

	smudge_error_clear(err);
	ret = smi_uffd_probe(err);
	if (ret < 0)
		return ret;
	u = calloc(1, sizeof(*u));
	if (!u)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	u->fds.pagemap = -1;
	ret = smudge_source_create(&uffd_ops, u, ret_source, NULL);
	if (ret < 0) {
		smudge_error_set(err, ret, WHERE, "cannot make a source: %s",
				 strerror(-ret));
		free(u);
	}
	return ret;
}
