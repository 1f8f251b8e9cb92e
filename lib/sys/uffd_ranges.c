/* SPDX-License-Identifier: MIT */
/*
 * Registering what uses want, each piece of memory for all of them.
 */
#include "sys/uffd_ranges.h"

#include <stddef.h>
#include <unistd.h>

#include "sys/maps.h"

unsigned int smi_sys_uffd_modes_of(const struct smi_sys_uffd_shared *page,
				   const struct smi_sys_uffd_use *use)
{
	if (use->purpose == SMI_SYS_UFFD_WRITES)
		return SMI_SYS_UFFD_MODE_WP;
	/* With it, UFFDIO_COPY can install pages that are protected. */
	return SMI_SYS_UFFD_MODE_MISSING |
	       (page->features & SMI_SYS_UFFD_WP_ASYNC ? SMI_SYS_UFFD_MODE_WP
						       : 0);
}

unsigned int smi_sys_uffd_modes_at(const struct smi_sys_uffd_shared *page,
				   const struct smi_sys_uffd_use *but,
				   uint64_t at, uint64_t *ret_end)
{
	unsigned int modes = 0;

	for (const struct smi_sys_uffd_use *u = page->uses; u; u = u->next) {
		uint64_t edge = at < u->start ? u->start : u->end;

		if (u == but || u->start == u->end || at >= u->end)
			continue;
		if (at >= u->start)
			modes |= smi_sys_uffd_modes_of(page, u);
		if (edge < *ret_end)
			*ret_end = edge;
	}
	return modes;
}

const struct smi_sys_uffd_use *
smi_sys_uffd_find_rival(const struct smi_sys_uffd_shared *page,
			const struct smi_sys_uffd_use *use, uint64_t start,
			uint64_t end)
{
	for (const struct smi_sys_uffd_use *u = page->uses; u; u = u->next) {
		if (u != use && u->purpose == use->purpose && u->start < end &&
		    start < u->end)
			return u;
	}
	return NULL;
}

static int unregister_mapping(void *opaque, const struct smi_sys_mapping *m)
{
	const struct smi_sys_uffd_shared *page = opaque;

	smi_sys_uffd_unregister(page->fd, m->start, m->end - m->start);
	return 0;
}

/*
 * The kernel refuses a range with a mapping that cannot be registered, as may
 * have been put there since; each of the others has to go by itself then.
 */
static void unregister(struct smi_sys_uffd_shared *page, uint64_t start,
		       uint64_t end)
{
	if (smi_sys_uffd_unregister(page->fd, start, end - start) < 0)
		smi_sys_maps_each(start, end, unregister_mapping, page);
}

void smi_sys_uffd_drop(struct smi_sys_uffd_shared *page,
		       const struct smi_sys_uffd_use *use, uint64_t start,
		       uint64_t end)
{
	while (start < end) {
		uint64_t piece_end = end;
		unsigned int left =
			smi_sys_uffd_modes_at(page, use, start, &piece_end);

		if (!left || (smi_sys_uffd_modes_of(page, use) & ~left &
			      SMI_SYS_UFFD_MODE_MISSING)) {
			unregister(page, start, piece_end);
			if (left)
				smi_sys_uffd_register(page->fd, start,
						      piece_end - start, left);
		}
		start = piece_end;
	}
}

int smi_sys_uffd_add(struct smi_sys_uffd_shared *page,
		     struct smi_sys_uffd_use *use, uint64_t start, uint64_t end)
{
	uint64_t at = start;
	int ret = 0;

	while (at < end && !ret) {
		uint64_t piece_end = end;
		unsigned int others =
			smi_sys_uffd_modes_at(page, use, at, &piece_end);

		ret = smi_sys_uffd_register(
			page->fd, at, piece_end - at,
			others | smi_sys_uffd_modes_of(page, use));
		if (!ret)
			at = piece_end;
	}
	if (ret < 0)
		smi_sys_uffd_drop(page, use, start, at);
	return ret;
}

void smi_sys_uffd_forget(struct smi_sys_uffd_shared *page,
			 const struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_use **link = &page->uses;

	while (*link != use)
		link = &(*link)->next;
	*link = use->next;
	if (page->reader == use)
		page->reader = NULL;
	if (page->uses)
		return;
	close(page->fd);
	/* Relaxed: no use is left that knows it. */
	atomic_store_explicit(&page->id, 0, memory_order_relaxed);
}

bool smi_sys_uffd_has_tracker(const struct smi_sys_uffd_shared *page,
			      uint64_t start, uint64_t end)
{
	for (const struct smi_sys_uffd_use *u = page->uses; u; u = u->next) {
		if (u->purpose == SMI_SYS_UFFD_WRITES && u->start < end &&
		    start < u->end)
			return true;
	}
	return false;
}

bool smi_sys_uffd_is_kept(const struct smi_sys_uffd_shared *page, uint64_t at)
{
	const struct smi_sys_uffd_use *u = page->uses;

	while (u && !(u->is_kept && u->start <= at && at < u->end))
		u = u->next;
	return u;
}

void smi_sys_uffd_replace(struct smi_sys_uffd_shared *page,
			  struct smi_sys_uffd_use *to,
			  struct smi_sys_uffd_use *use)
{
	*to = *use;
	to->next = page->uses;
	page->uses = to;
	use->start = use->end;
}
