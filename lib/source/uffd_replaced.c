/* SPDX-License-Identifier: MIT */
/*
 * A new mapping is not registered: that tells it from the old one, whatever its
 * address. Private anonymous memory among private anonymous memory is
 * registered by itself. For anything else what is known of dropped content
 * (drops.h) is of the old mapping, so all of the range starts anew.
 *
 * What a mapping is, is asked again after it was registered: another one may
 * have come between. One that comes later is not registered.
 *
 * If that is refused (the new mapping has a userfaultfd of the target's own),
 * the range is lost (uffd_range.h).
 *
 * The target continues meanwhile. A mapping that is replaced once more is met
 * by the next scan.
 */
#include "source/uffd_replaced.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sys/maps.h"
#include "sys/uffd.h"

enum {
	SCAN_AGAIN = 0,
	ALL_REPORTED = 1,
	START_ANEW = 2,
};

struct walk {
	struct smi_uffd *u;
	struct smudge_sink *sink;
	struct smudge_error *err;
};

static bool is_registered(const struct smi_uffd *u,
			  const struct smi_sys_mapping *m)
{
	struct smi_sys_page_run run;

	return smi_sys_pagemap_find_written(u->fds.pagemap, m->start, m->end,
					    &run, 1) != -EPERM;
}

static int is_other_kind(void *opaque, const struct smi_sys_mapping *m)
{
	return m->is_shared || m->has_file;
}

static bool is_anonymous(const struct smi_uffd *u, uint64_t start, uint64_t end)
{
	return smi_sys_maps_each_of(u->fds.target->proc, start, end,
				    is_other_kind, NULL) == 0;
}

static int take_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	struct walk *w = opaque;
	struct smi_uffd *u = w->u;
	int ret;

	if (is_registered(u, m))
		return SCAN_AGAIN;
	if (m->is_shared || m->has_file ||
	    smi_drops_has(&u->drops, m->start, m->end))
		return START_ANEW;
	ret = smi_sys_uffd_register(u->fds.uffd, m->start, m->end - m->start,
				    SMI_SYS_UFFD_MODE_WP);
	if (ret < 0 || !is_anonymous(u, m->start, m->end))
		return START_ANEW;
	if (smi_uffd_protect(u, m->start, m->end, NULL) < 0)
		return START_ANEW;
	smudge_sink_range(w->sink, m->start - u->start, m->end - m->start);
	/* Relaxed: a statistic orders nothing. */
	atomic_fetch_add_explicit(&u->fds.target->nreplaced, 1,
				  memory_order_relaxed);
	return SCAN_AGAIN;
}

int smi_uffd_replaced(struct smi_uffd *u, uint64_t start, uint64_t end,
		      struct smudge_sink *sink, struct smudge_error *err)
{
	struct walk w = {.u = u, .sink = sink, .err = err};
	int ret = smi_sys_maps_each_of(u->fds.target->proc, start, end,
				       take_mapping, &w);

	/* The scan failed, and may have protected what it did not report. */
	smudge_sink_range(sink, start - u->start, end - start);
	smi_drops_written(&u->drops, start, end);
	if (ret == SCAN_AGAIN)
		return ret;
	ret = smi_uffd_restart(u, err);
	if (ret < 0)
		return ret;
	/* Relaxed: a statistic orders nothing. */
	atomic_fetch_add_explicit(&u->fds.target->nreplaced, 1,
				  memory_order_relaxed);
	smudge_sink_range(sink, 0, u->end - u->start);
	return ALL_REPORTED;
}
