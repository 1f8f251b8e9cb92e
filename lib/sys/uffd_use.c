/* SPDX-License-Identifier: MIT */
/*
 * Uses of the shared userfaultfd, and what their ranges are registered for.
 */
#include "sys/uffd_use.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "sys/maps.h"
#include "sys/uffd_shared.h"

#define WHERE "uffd"

/* The page of a use that is alive, locked; NULL in a child. */
static struct smi_sys_uffd_shared *lock_for(const struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = NULL;

	if (smi_sys_uffd_use_is_alive(use))
		page = smi_sys_uffd_shared_lock();
	return page;
}

int smi_sys_uffd_use_open(struct smi_sys_uffd_use *use,
			  enum smi_sys_uffd_purpose purpose,
			  struct smudge_error *err)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_lock();
	int ret;

	if (!page)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = smi_sys_uffd_shared_open(page, purpose, err);
	if (!ret) {
		*use = (struct smi_sys_uffd_use){
			.fd = page->fd,
			.takes_kernel_faults = page->takes_kernel_faults,
			.purpose = purpose,
			.next = page->uses,
			.id = smi_sys_uffd_shared_id(page),
		};
		page->uses = use;
	}
	pthread_mutex_unlock(&page->lock);
	return ret;
}

static unsigned int modes_of(const struct smi_sys_uffd_shared *page,
			     const struct smi_sys_uffd_use *use)
{
	if (use->purpose == SMI_SYS_UFFD_WRITES)
		return SMI_SYS_UFFD_MODE_WP;
	/* With it, UFFDIO_COPY can install pages that are protected. */
	return SMI_SYS_UFFD_MODE_MISSING |
	       (page->features & SMI_SYS_UFFD_WP_ASYNC ? SMI_SYS_UFFD_MODE_WP
						       : 0);
}

/*
 * The modes that uses other than @but want at an address, and the end of the
 * piece that has the same: *ret_end is lowered to it. Lock held.
 */
static unsigned int modes_at(const struct smi_sys_uffd_shared *page,
			     const struct smi_sys_uffd_use *but, uint64_t at,
			     uint64_t *ret_end)
{
	unsigned int modes = 0;

	for (const struct smi_sys_uffd_use *u = page->uses; u; u = u->next) {
		uint64_t edge = at < u->start ? u->start : u->end;

		if (u == but || u->start == u->end || at >= u->end)
			continue;
		if (at >= u->start)
			modes |= modes_of(page, u);
		if (edge < *ret_end)
			*ret_end = edge;
	}
	return modes;
}

static const struct smi_sys_uffd_use *
find_rival(const struct smi_sys_uffd_shared *page,
	   const struct smi_sys_uffd_use *use, uint64_t start, uint64_t end)
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

/*
 * End what @use added to [start, end). A failure to register again leaves the
 * piece unregistered, which its tracker's next scan reports as an error.
 */
static void drop(struct smi_sys_uffd_shared *page,
		 const struct smi_sys_uffd_use *use, uint64_t start,
		 uint64_t end)
{
	while (start < end) {
		uint64_t piece_end = end;
		unsigned int left = modes_at(page, use, start, &piece_end);

		if (!left ||
		    (modes_of(page, use) & ~left & SMI_SYS_UFFD_MODE_MISSING)) {
			unregister(page, start, piece_end);
			if (left)
				smi_sys_uffd_register(page->fd, start,
						      piece_end - start, left);
		}
		start = piece_end;
	}
}

/* Lock held. After a failure nothing is registered that was not before. */
static int add(struct smi_sys_uffd_shared *page, struct smi_sys_uffd_use *use,
	       uint64_t start, uint64_t end)
{
	uint64_t at = start;
	int ret = 0;

	while (at < end && !ret) {
		uint64_t piece_end = end;
		unsigned int others = modes_at(page, use, at, &piece_end);

		ret = smi_sys_uffd_register(page->fd, at, piece_end - at,
					    others | modes_of(page, use));
		if (!ret)
			at = piece_end;
	}
	if (ret < 0)
		drop(page, use, start, at);
	return ret;
}

/* Register [start, end), which @is_more of the use's range, or all of it. */
static int add_range(struct smi_sys_uffd_use *use, uint64_t start, uint64_t end,
		     bool is_more, struct smudge_error *err)
{
	struct smi_sys_uffd_shared *page = lock_for(use);
	const struct smi_sys_uffd_use *rival;
	const char *why = "another userfaultfd";
	int ret;

	if (!page)
		return smudge_error_set(err, -EPERM, WHERE,
					"the userfaultfd was opened before "
					"fork(2), in the parent");
	rival = find_rival(page, use, start, end);
	if (rival)
		why = "another source or reader of this process";
	ret = rival ? -EBUSY : add(page, use, start, end);
	if (!ret) {
		use->start = is_more ? use->start : start;
		use->end = end;
	}
	pthread_mutex_unlock(&page->lock);
	if (ret == -EBUSY)
		return smudge_error_set(err, ret, WHERE,
					"memory from 0x%" PRIx64
					" to 0x%" PRIx64
					" is registered with %s",
					start, end, why);
	if (ret < 0)
		smudge_error_set(err, ret, WHERE,
				 "a mapping between 0x%" PRIx64
				 " and 0x%" PRIx64
				 " cannot be registered with userfaultfd: %s",
				 start, end, strerror(-ret));
	return ret;
}

int smi_sys_uffd_use_register(struct smi_sys_uffd_use *use, uint64_t start,
			      uint64_t end, struct smudge_error *err)
{
	return add_range(use, start, end, false, err);
}

int smi_sys_uffd_use_extend(struct smi_sys_uffd_use *use, uint64_t end,
			    struct smudge_error *err)
{
	return add_range(use, use->end, end, true, err);
}

void smi_sys_uffd_use_cut(struct smi_sys_uffd_use *use, uint64_t end)
{
	struct smi_sys_uffd_shared *page = lock_for(use);

	if (!page)
		return;
	drop(page, use, end, use->end);
	use->end = end;
	pthread_mutex_unlock(&page->lock);
}

static void forget(struct smi_sys_uffd_shared *page,
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

void smi_sys_uffd_use_close(struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = lock_for(use);

	if (page) {
		drop(page, use, use->start, use->end);
		forget(page, use);
		pthread_mutex_unlock(&page->lock);
	}
	*use = (struct smi_sys_uffd_use){.fd = -1};
}

bool smi_sys_uffd_use_is_alive(const struct smi_sys_uffd_use *use)
{
	const struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();

	return use->id && page && smi_sys_uffd_shared_id(page) == use->id;
}

/* Registering again changes nothing, or fails: it is another descriptor's. */
uint64_t smi_sys_uffd_use_tracked(uint64_t start, uint64_t end)
{
	struct smi_sys_uffd_shared *page = smi_sys_uffd_shared_find();
	uint64_t until = start;
	unsigned int modes;

	if (page)
		page = smi_sys_uffd_shared_lock();
	if (!page)
		return start;
	modes = modes_at(page, NULL, start, &end);
	if (modes == SMI_SYS_UFFD_MODE_WP &&
	    smi_sys_uffd_register(page->fd, start, end - start, modes) == 0)
		until = end;
	pthread_mutex_unlock(&page->lock);
	return until;
}

void smi_sys_uffd_use_settle(const struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = lock_for(use);

	if (page)
		pthread_mutex_unlock(&page->lock);
}

int smi_sys_uffd_use_claim(struct smi_sys_uffd_use *use)
{
	struct smi_sys_uffd_shared *page = lock_for(use);
	int ret = -EPERM;

	if (!page)
		return ret;
	ret = page->reader && page->reader != use ? -EBUSY : 0;
	if (!ret)
		page->reader = use;
	pthread_mutex_unlock(&page->lock);
	return ret;
}
